-- Price changes that staff make, and everything that ever happened to each.

CREATE TABLE price_changes (
    change_id            uuid PRIMARY KEY,
    batch_id             uuid NOT NULL,
    station_id           uuid NOT NULL,
    operator             text NOT NULL,        -- whose station it was; if it changes hands, the change does not fire
    fuel                 text NOT NULL,
    price_mills          int NOT NULL CHECK (price_mills > 0),
    currency             text NOT NULL,
    effective_at         timestamptz,          -- NULL: at once, or as soon as somebody approves
    due_at               timestamptz NOT NULL, -- when it fires, or until when it can be approved
    status               text NOT NULL CHECK (status IN ('pending_approval', 'scheduled', 'fired', 'failed', 'cancelled',
                                                         'rolled_back')),
    created_by           text NOT NULL,
    created_at           timestamptz NOT NULL,
    reason               text,
    approved_by          text CHECK (approved_by <> created_by),
    fired_at             timestamptz CHECK ((fired_at IS NOT NULL) = (status IN ('fired', 'rolled_back'))),
    price_version        bigint,               -- the price that it made; NULL where the price was the same already
    previous_price_mills int,
    failure_reason       text CHECK ((failure_reason IS NOT NULL) = (status = 'failed')),
    failure_rule         text,
    rolls_back           uuid UNIQUE REFERENCES price_changes
);
CREATE INDEX price_changes_due ON price_changes (due_at, change_id) WHERE status IN ('pending_approval', 'scheduled');
CREATE UNIQUE INDEX price_changes_one_plan ON price_changes (station_id, fuel, effective_at)
    WHERE status IN ('pending_approval', 'scheduled');   -- which of two would hold?
CREATE INDEX price_changes_of_station ON price_changes (station_id, change_id);
CREATE INDEX price_changes_of_operator ON price_changes (operator, change_id);

CREATE TABLE price_change_steps (
    change_id   uuid NOT NULL REFERENCES price_changes,
    position    bigint GENERATED ALWAYS AS IDENTITY,
    action      text NOT NULL,
    actor       text NOT NULL,
    at          timestamptz NOT NULL,
    from_status text,                          -- NULL: it was made
    to_status   text NOT NULL,
    detail      text,
    PRIMARY KEY (change_id, position)
);

CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail of price changes only grows';
END $$;
CREATE TRIGGER price_change_steps_only_grow BEFORE UPDATE OR DELETE OR TRUNCATE ON price_change_steps
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
