-- What people at a station must decide, shifts, and what reconciliation finds.

CREATE TABLE exceptions (               -- something about money or fuel that only people can settle
    exception_id uuid PRIMARY KEY,
    kind         text NOT NULL,         -- see domain.exceptions
    key          text NOT NULL UNIQUE,  -- what it is about: raised twice, it is one
    station_id   uuid,                  -- NULL: it concerns no station
    operator     text,
    order_id     uuid,
    details      jsonb NOT NULL,        -- numbers of both sides; nothing personal
    status       text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'proposed', 'resolved', 'dismissed')),
    raised_at    timestamptz NOT NULL DEFAULT now(),
    action       text,                  -- the decision: proposed, or carried out
    reason       text,
    amount_minor bigint CHECK (amount_minor > 0),
    volume_ml    bigint CHECK (volume_ml >= 0),
    note         bytea,                 -- sealed with the key ring: people write what they like
    decided_by   text,
    decided_at   timestamptz,
    approved_by  text,
    approved_at  timestamptz,
    refund_id    uuid                   -- the refund that the decision began
) WITH (fillfactor = 80);
CREATE INDEX exceptions_of_station ON exceptions (station_id, exception_id DESC);
CREATE INDEX exceptions_of_order ON exceptions (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX exceptions_to_decide ON exceptions (kind) WHERE status IN ('open', 'proposed');

CREATE TABLE exception_steps (          -- who decided what, when; never changed
    position     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exception_id uuid NOT NULL REFERENCES exceptions,
    step         text NOT NULL,
    before       text,                  -- NULL: it was raised
    after        text NOT NULL,
    actor        text NOT NULL,
    at           timestamptz NOT NULL DEFAULT now(),
    details      jsonb NOT NULL
);
CREATE INDEX exception_steps_of_exception ON exception_steps (exception_id, position);

CREATE TABLE shifts (
    shift_id   uuid PRIMARY KEY,
    station_id uuid NOT NULL,
    operator   text NOT NULL,
    currency   text NOT NULL,
    opened_by  text NOT NULL,
    opened_at  timestamptz NOT NULL,
    closed_by  text,
    closed_at  timestamptz,
    counted    jsonb,                   -- what the people of the shift read off pumps and tills
    summary    jsonb                    -- as it was at the close; never made anew
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX one_open_shift ON shifts (station_id) WHERE closed_at IS NULL;
CREATE INDEX shifts_of_station ON shifts (station_id, shift_id DESC);

-- Which shift an order that was paid, or a refund that arrived, belongs to. A close takes all that no shift has yet, so
-- what commits while one closes is in the next: in exactly one, and no payment waits for a close.
CREATE TABLE shift_entries (
    kind     text NOT NULL CHECK (kind IN ('order', 'refund')),
    entry_id uuid NOT NULL,
    shift_id uuid NOT NULL REFERENCES shifts,
    PRIMARY KEY (kind, entry_id)
);
CREATE INDEX shift_entries_of_shift ON shift_entries (shift_id);
CREATE INDEX orders_paid_at_station ON orders (station_id, paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX refunds_by_day ON refunds (settled_at) WHERE settled_at IS NOT NULL;
