-- Bills read a driver's payments by the moment they were made.
CREATE INDEX orders_paid_by_driver ON orders (driver_id, paid_at DESC, order_id DESC) WHERE paid_at IS NOT NULL;

CREATE TABLE invoice_titles (
    title_id  uuid PRIMARY KEY,
    driver_id text NOT NULL,
    sealed    bytea NOT NULL,           -- all that it says, in the driver's box
    made_at   timestamptz NOT NULL
);
CREATE INDEX titles_of_driver ON invoice_titles (driver_id, title_id);

CREATE TABLE invoices (
    invoice_id   uuid PRIMARY KEY,      -- its 32 hexadecimal digits name the application at the provider
    driver_id    text NOT NULL,
    operator     text NOT NULL,         -- the seller
    status       text NOT NULL
                 CHECK (status IN ('requested', 'issuing', 'issued', 'failed', 'reversing', 'reversed')),
    buyer        bytea,                 -- sealed with the key ring: the law keeps an invoice longer than its buyer stays
    total_minor  bigint NOT NULL CHECK (total_minor > 0),
    tax_minor    bigint NOT NULL CHECK (tax_minor BETWEEN 0 AND total_minor),
    requested_at timestamptz NOT NULL,
    tries        int NOT NULL DEFAULT 0,
    fapiao_id    text UNIQUE,           -- our number of the try; each has its own
    number       text,                  -- the tax office's
    code         text,
    issued_at    timestamptz,
    red_number   text,
    reversed_at  timestamptz,
    error        text,
    looks        int NOT NULL DEFAULT 0,
    next_look_at timestamptz
) WITH (fillfactor = 80);
CREATE INDEX invoices_of_driver ON invoices (driver_id, invoice_id DESC);
CREATE INDEX invoices_to_look_at ON invoices (next_look_at) WHERE next_look_at IS NOT NULL;

CREATE TABLE invoice_lines (
    invoice_id     uuid NOT NULL REFERENCES invoices,
    position       int NOT NULL,
    order_id       uuid NOT NULL,
    station        text NOT NULL,
    pump_id        text NOT NULL,
    fuel           text NOT NULL,
    paid_at        timestamptz NOT NULL,
    volume_ml      bigint NOT NULL CHECK (volume_ml > 0),
    total_minor    bigint NOT NULL CHECK (total_minor > 0),
    refunded_minor bigint NOT NULL CHECK (refunded_minor >= 0),
    is_live        boolean NOT NULL,
    PRIMARY KEY (invoice_id, position)
);
CREATE UNIQUE INDEX one_live_invoice_of_an_order ON invoice_lines (order_id) WHERE is_live;
