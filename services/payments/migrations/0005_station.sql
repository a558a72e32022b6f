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

CREATE TABLE reconciliations (          -- runs: inside compares what we wrote with what we wrote, outside with a bill
    run_id       uuid PRIMARY KEY,
    side         text NOT NULL CHECK (side IN ('inside', 'outside')),
    provider     text,                  -- outside: whose bill, of which day of the provider's calendar
    day          date,
    requested_by text NOT NULL,
    requested_at timestamptz NOT NULL,
    status       text NOT NULL CHECK (status IN ('waiting', 'done', 'failed')),
    next_try_at  timestamptz,           -- when it is due; while it is under way, when another may take it over
    tries        int NOT NULL DEFAULT 0,
    finished_at  timestamptz,
    totals       jsonb,
    error        text                   -- why it did not come to an end the last time
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX one_run_under_way ON reconciliations (side, coalesce(provider, ''), coalesce(day, 'epoch'))
    WHERE status = 'waiting';
CREATE INDEX reconciliations_of_day ON reconciliations (day, run_id DESC);
CREATE INDEX reconciliations_finished ON reconciliations (side, finished_at DESC);

CREATE TABLE tickets (                  -- a difference, found once and seen again until it is gone
    ticket_id   uuid PRIMARY KEY,
    check_name  text NOT NULL,          -- see repository.checks and repository.bill_checks
    subject     text NOT NULL,          -- what differs: the id of an order, an attempt, a refund, an account ...
    station_id  uuid,                   -- NULL: it is the whole platform's
    operator    text,
    provider    text,
    day         date,                   -- outside: the day of the bill
    happened_at timestamptz NOT NULL,   -- when that which differs happened
    evidence    jsonb NOT NULL,         -- the numbers of both sides, as they were seen last
    status      text NOT NULL CHECK (status IN ('open', 'settled', 'closed')),
    found_at    timestamptz NOT NULL,
    seen_at     timestamptz NOT NULL,
    seen_by     uuid NOT NULL,          -- the run that saw it last
    closed_at   timestamptz,
    UNIQUE (check_name, subject)
) WITH (fillfactor = 80);
CREATE INDEX tickets_of_station ON tickets (station_id, ticket_id DESC);
CREATE INDEX tickets_to_settle ON tickets (check_name) WHERE status <> 'closed';
CREATE INDEX tickets_of_day ON tickets (day) WHERE day IS NOT NULL;

CREATE TABLE ticket_steps (             -- all that happened to a ticket; never changed
    position  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket_id uuid NOT NULL REFERENCES tickets,
    step      text NOT NULL,
    actor     text NOT NULL,
    at        timestamptz NOT NULL,
    run_id    uuid,
    details   jsonb NOT NULL
);
CREATE INDEX ticket_steps_of_ticket ON ticket_steps (ticket_id, position);

CREATE TABLE bill_lines (               -- what a provider's bill of a day says, to be compared as a whole
    run_id       uuid NOT NULL REFERENCES reconciliations,   -- they count once this run is done, and while it works
    provider     text NOT NULL,
    day          date NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('payment', 'refund')),
    number       text NOT NULL,         -- ours, as the provider has it
    trade_id     text NOT NULL,
    amount_minor bigint NOT NULL,
    currency     text NOT NULL,
    at           timestamptz NOT NULL
);
CREATE INDEX bill_lines_of_run ON bill_lines (run_id);
CREATE INDEX bill_lines_of_day ON bill_lines (provider, day);
CREATE INDEX bill_lines_of_number ON bill_lines (number, kind);

-- The trail takes new entries only.
CREATE FUNCTION refuse_change_of_trail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what was done stays on record' USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON exception_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_trail();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON ticket_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_trail();
