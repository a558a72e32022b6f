-- What is cheap, usual and dear in a region, and which regions have to be looked at again.

CREATE TABLE price_levels (
    region      text NOT NULL,        -- a country or one of its subdivisions
    fuel        text NOT NULL,
    currency    text NOT NULL,
    cheap_mills int NOT NULL,         -- a quarter of the stations ask at most this,
    usual_mills int NOT NULL,         -- half of them this,
    dear_mills  int NOT NULL,         -- three quarters this
    stations    int NOT NULL,
    computed_at timestamptz NOT NULL,
    PRIMARY KEY (region, fuel, currency)
);

CREATE TABLE price_level_marks (
    region text NOT NULL,
    fuel   text NOT NULL,
    marks  bigint NOT NULL DEFAULT 1, -- grows with each change, so that one during the computation is not forgotten
    PRIMARY KEY (region, fuel)
) WITH (fillfactor = 50);

INSERT INTO price_level_marks (region, fuel)
SELECT DISTINCT lies.region, fuel
FROM prices JOIN stations USING (station_id) CROSS JOIN LATERAL (VALUES (country), (stations.region)) AS lies (region)
WHERE lies.region IS NOT NULL;
