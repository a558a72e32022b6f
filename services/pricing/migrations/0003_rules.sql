-- Price rules as data, what they said of each report, and which confirmations of a price others have heard of.

CREATE TABLE price_rules (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,   -- in the order of commits: writers take turns
    id         uuid NOT NULL UNIQUE,                              -- tells whoever keeps a copy that it is out of date
    region     text NOT NULL,
    version    int NOT NULL CHECK (version > 0),
    valid_from timestamptz NOT NULL,
    rules      jsonb NOT NULL,
    made_by    text NOT NULL,
    made_at    timestamptz NOT NULL,
    UNIQUE (region, version)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a version of price rules never changes; make the next one';
END $$;
CREATE TRIGGER price_rules_stay BEFORE UPDATE OR DELETE ON price_rules
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE price_reports
    ADD COLUMN rule     text,      -- of a rejected report, where a price rule refused it
    ADD COLUMN findings json;      -- of a report that was taken: what rules noted about it
CREATE INDEX price_reports_received ON price_reports (received_at);   -- for dry runs; rows of a batch share one entry

ALTER TABLE prices
    ADD COLUMN told_at    timestamptz,   -- the latest confirmation that was published; NULL: only the change itself
    ADD COLUMN last_mills int;           -- where it is no longer sold: what it cost before
