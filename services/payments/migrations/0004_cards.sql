-- Fuel cards, companies with many of them, what was bought with each, recharges, and the stock of physical cards.

CREATE TABLE companies (
    company_id uuid PRIMARY KEY,
    name       bytea,                -- sealed with the key ring; NULL once the company is closed
    currency   text NOT NULL,
    opened_at  timestamptz NOT NULL,
    closed_at  timestamptz
);

CREATE TABLE company_managers (
    company_id uuid NOT NULL REFERENCES companies,
    driver_id  text NOT NULL,
    since      timestamptz NOT NULL,
    PRIMARY KEY (company_id, driver_id)
);
CREATE INDEX companies_of_manager ON company_managers (driver_id);

CREATE TABLE company_invitations (   -- a code that a driver claims a card with, or the right to manage
    invitation_id uuid PRIMARY KEY,
    company_id    uuid NOT NULL REFERENCES companies,
    kind          text NOT NULL CHECK (kind IN ('card', 'manager')),
    code_hash     bytea NOT NULL UNIQUE,   -- of a code of 100 random bits, so a plain hash tells nothing
    limits        jsonb NOT NULL,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    claimed_at    timestamptz
);
CREATE INDEX invitations_of_company ON company_invitations (company_id);

CREATE TABLE cards (
    card_id     uuid PRIMARY KEY,
    version     bigint NOT NULL CHECK (version > 0),   -- grows with each change, each purchase too
    driver_id   text NOT NULL,
    company_id  uuid REFERENCES companies,
    account_id  uuid NOT NULL,       -- in the ledger: the card's own account, or its company's
    kind        text NOT NULL CHECK (kind IN ('virtual', 'physical')),
    currency    text NOT NULL,
    time_zone   text NOT NULL,       -- in which its days, weeks and hours are counted, wherever it is used
    number      bytea,               -- sealed in the driver's box; NULL once the driver is forgotten
    number_hash bytea UNIQUE,        -- NULL once the card is closed
    holder      bytea,               -- real name and document of identity, sealed in the driver's box
    named       boolean NOT NULL,
    frozen      boolean NOT NULL,    -- by the driver
    blocked     boolean NOT NULL,    -- by the company
    limits      jsonb NOT NULL,      -- see domain.limits
    plate       bytea,               -- the one plate it is for, sealed in the driver's box
    plate_hash  bytea,
    opened_at   timestamptz NOT NULL,
    expires_at  timestamptz,
    closed_at   timestamptz
) WITH (fillfactor = 60);            -- each purchase updates it
CREATE INDEX cards_of_driver ON cards (driver_id);
CREATE INDEX cards_of_company ON cards (company_id) WHERE company_id IS NOT NULL;
CREATE INDEX cards_of_account ON cards (account_id);

CREATE TABLE card_uses (             -- what was bought or is held, one row for each order: what limits count
    order_id     uuid PRIMARY KEY,
    card_id      uuid NOT NULL,
    used_at      timestamptz NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor >= 0),
    volume_ml    bigint NOT NULL CHECK (volume_ml >= 0)
) WITH (fillfactor = 80);
CREATE INDEX uses_of_card ON card_uses (card_id, used_at);

CREATE TABLE card_stock (            -- physical cards that were made: whose they are is known once they are bound
    stock_id    uuid PRIMARY KEY,
    number_hash bytea NOT NULL UNIQUE,
    sealed      bytea NOT NULL,      -- number and activation code, sealed with the key ring
    currency    text NOT NULL,
    wrong_codes int NOT NULL DEFAULT 0,
    card_id     uuid REFERENCES cards,     -- whom it is bound to now
    imported_at timestamptz NOT NULL
);

CREATE TABLE binding_tries (         -- a driver's wrong numbers and codes, so that nobody guesses
    driver_id text PRIMARY KEY,
    wrong     int NOT NULL,
    since     timestamptz NOT NULL
);

CREATE TABLE recharges (             -- its charge at the provider is the attempt whose purpose_id it is
    recharge_id  uuid PRIMARY KEY,
    card_id      uuid REFERENCES cards,
    company_id   uuid REFERENCES companies,
    account_id   uuid NOT NULL,
    driver_id    text NOT NULL,      -- who pays
    method       text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL,
    status       text NOT NULL CHECK (status IN ('waiting', 'unknown', 'paid', 'failed', 'sent_back')),
    returned_minor bigint NOT NULL DEFAULT 0 CHECK (returned_minor BETWEEN 0 AND amount_minor),
    created_at   timestamptz NOT NULL,
    paid_at      timestamptz,
    CHECK ((card_id IS NULL) <> (company_id IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX recharges_of_account ON recharges (account_id, recharge_id DESC);
CREATE INDEX recharges_of_driver ON recharges (driver_id);
