-- The history of prices: a partition for each month (UTC), so that years of it cost a read no more than days do, and
-- an old month goes as a whole. Before, a partial index over price_reports was the history.

DROP INDEX price_history;

CREATE TABLE price_history (
    station_id            uuid NOT NULL,
    fuel                  text NOT NULL,
    effective_at          timestamptz NOT NULL,
    report_id             text NOT NULL,
    price_mills           int,              -- NULL: no longer sold
    currency              text NOT NULL,
    version               bigint,           -- NULL: superseded, a report for a later time was here first
    previous_price_mills  int,              -- of the price before this version, and until when it was said to hold:
    previous_confirmed_at timestamptz,      -- a superseded price can hold no longer. NULL where nobody confirmed it
    submitted_at          timestamptz NOT NULL,
    received_at           timestamptz NOT NULL,
    -- All that buckets need is in the index: a station's grade and month is a few of its pages, the table is not read.
    PRIMARY KEY (station_id, fuel, effective_at, report_id)
        INCLUDE (price_mills, currency, version, previous_price_mills, previous_confirmed_at, received_at)
) PARTITION BY RANGE (effective_at);

-- Makes the month of a moment. Attaching locks out neither readers nor writers; creating it as a partition would.
CREATE FUNCTION make_history_month(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    starts timestamp := date_trunc('month', moment AT TIME ZONE 'UTC');
    month  text := to_char(starts, '"price_history_"YYYY_MM');
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(current_schema() || '.price_history', 0));
    IF to_regclass(month) IS NULL THEN
        EXECUTE format('CREATE TABLE %I (LIKE price_history INCLUDING ALL)
                        WITH (autovacuum_vacuum_insert_scale_factor = 0.05)', month);
        EXECUTE format('ALTER TABLE price_history ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', month,
                       starts AT TIME ZONE 'UTC', (starts + interval '1 month') AT TIME ZONE 'UTC');
    END IF;
END $$;

SELECT make_history_month(moment) FROM (
    SELECT DISTINCT date_trunc('month', effective_at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS moment
    FROM price_reports WHERE verdict IN ('accepted', 'superseded')
    UNION SELECT now() UNION SELECT now() + interval '1 month'
) AS months;

INSERT INTO price_history (station_id, fuel, effective_at, report_id, price_mills, currency, version, submitted_at,
                           received_at)
SELECT station_id, fuel, effective_at, report_id, price_mills, currency, version, submitted_at, received_at
FROM price_reports WHERE verdict IN ('accepted', 'superseded');
