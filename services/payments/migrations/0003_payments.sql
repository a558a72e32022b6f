-- Charges and refunds at providers, one number of ours for each attempt, and what providers told us.

CREATE TABLE attempts (                  -- a charge at a provider; a number is never used twice
    attempt_id   uuid PRIMARY KEY,       -- its 32 hexadecimal digits are the number that the provider knows
    purpose      text NOT NULL CHECK (purpose IN ('order', 'recharge')),
    purpose_id   uuid NOT NULL,          -- the order, or the recharge
    driver_id    text NOT NULL,
    provider     text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    currency     text NOT NULL,
    status       text NOT NULL,          -- see domain.attempts
    trade_id     text,                   -- the provider's own number
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    paid_at      timestamptz,
    closed_at    timestamptz,
    next_look_at timestamptz,            -- when to ask the provider; NULL: nothing is open
    looks        int NOT NULL DEFAULT 0,
    client       jsonb,                  -- what the payer's phone needs, once the provider has given it
    error        text                    -- the provider's code of the last refusal
) WITH (fillfactor = 70);
CREATE INDEX attempts_of_purpose ON attempts (purpose_id);
-- Nobody is charged twice at once for the same thing.
CREATE UNIQUE INDEX one_open_attempt ON attempts (purpose_id)
    WHERE status IN ('creating', 'waiting', 'unknown', 'mismatch');
CREATE INDEX attempts_to_look_at ON attempts (next_look_at) WHERE next_look_at IS NOT NULL;
CREATE INDEX attempts_by_day ON attempts (provider, paid_at) WHERE paid_at IS NOT NULL;

CREATE TABLE reservation_claims (        -- who may ask loyalty for an order's coupons and points just now
    order_id uuid PRIMARY KEY,
    until    timestamptz NOT NULL
);

CREATE TABLE refunds (
    refund_id    uuid PRIMARY KEY,       -- its 32 hexadecimal digits are the number that the provider knows
    purpose      text NOT NULL CHECK (purpose IN ('order', 'release', 'recharge', 'late_payment')),
    purpose_id   uuid NOT NULL,          -- the order, or the recharge
    attempt_id   uuid REFERENCES attempts,   -- the charge that goes back; NULL: back to a card
    card_id      uuid,
    method       text NOT NULL,
    source_kind  text NOT NULL,          -- the account of the ledger that the money comes from
    source_owner text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    discount_minor bigint NOT NULL CHECK (discount_minor >= 0),  -- what the station gives back to who paid the discount
    currency     text NOT NULL,
    volume_ml    bigint,                 -- fuel that was not received, where that is why
    reason       text NOT NULL,
    note         bytea,                  -- sealed with the key ring: people write what they like
    status       text NOT NULL,          -- see domain.refunds
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    approved_by  text,
    approved_at  timestamptz,
    settled_at   timestamptz,
    next_look_at timestamptz,
    looks        int NOT NULL DEFAULT 0,
    provider_refund_id text,
    error        text
) WITH (fillfactor = 70);
CREATE INDEX refunds_of_purpose ON refunds (purpose_id);
CREATE INDEX refunds_to_look_at ON refunds (next_look_at) WHERE next_look_at IS NOT NULL;
CREATE UNIQUE INDEX one_refund_of_a_late_payment ON refunds (attempt_id) WHERE purpose = 'late_payment';

CREATE TABLE notifications (             -- what providers told us: stored once it is verified, then answered
    notification_id uuid PRIMARY KEY,
    provider        text NOT NULL,
    provider_id     text NOT NULL,       -- the same each time it is sent
    kind            text NOT NULL CHECK (kind IN ('payment', 'refund')),
    number          text NOT NULL,       -- ours
    received_at     timestamptz NOT NULL DEFAULT now(),
    processed_at    timestamptz,
    next_look_at    timestamptz DEFAULT now(),
    looks           int NOT NULL DEFAULT 0,
    UNIQUE (provider, provider_id)
) WITH (fillfactor = 70);
CREATE INDEX notifications_to_process ON notifications (next_look_at) WHERE next_look_at IS NOT NULL;

CREATE TABLE payers (                    -- who a driver is at a provider, sealed in the driver's box
    driver_id text NOT NULL,
    provider  text NOT NULL,
    payer_id  bytea NOT NULL,
    bound_at  timestamptz NOT NULL,
    PRIMARY KEY (driver_id, provider)
);
