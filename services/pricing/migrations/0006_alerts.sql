-- Price alerts of drivers, and for each what it knows of the stations in its circle.

CREATE TABLE price_alerts (
    alert_id        uuid PRIMARY KEY,
    driver_id       text NOT NULL,             -- a pseudonym; the only personal data here beside the place
    fuel            text NOT NULL,
    lat             double precision NOT NULL,
    lon             double precision NOT NULL,
    radius_m        int NOT NULL,
    area            box NOT NULL,              -- holds the circle; x is the longitude
    threshold_mills int NOT NULL,
    currency        text NOT NULL,
    fired           bigint NOT NULL DEFAULT 0, -- how many times: the version of its latest event
    fired_at        timestamptz,
    created_at      timestamptz NOT NULL,
    UNIQUE (driver_id, fuel, lat, lon, radius_m, threshold_mills, currency)
);
CREATE INDEX price_alerts_area ON price_alerts USING gist (area);

CREATE TABLE price_alert_stations (
    alert_id   uuid NOT NULL REFERENCES price_alerts ON DELETE CASCADE,
    station_id uuid NOT NULL,
    version    bigint NOT NULL,                -- of the price that the alert knows; older news are ignored
    is_met     boolean NOT NULL,               -- whether that price is at or below the threshold
    PRIMARY KEY (alert_id, station_id)
);
CREATE INDEX price_alert_stations_met ON price_alert_stations (station_id) WHERE is_met;
