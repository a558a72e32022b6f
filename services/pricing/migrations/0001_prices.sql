-- What pricing knows of stations (its read model of stations.stations), current prices, and every report decided on.

CREATE TABLE stations (
    station_id uuid PRIMARY KEY,
    operator   text NOT NULL,
    currency   text NOT NULL,
    fuels      text[],             -- NULL: the operator does not declare its grades
    closed     boolean NOT NULL,
    version    bigint NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE prices (
    station_id   uuid NOT NULL,
    fuel         text NOT NULL,
    price_mills  int CHECK (price_mills > 0),   -- NULL: no longer sold
    currency     text NOT NULL,
    version      bigint NOT NULL CHECK (version > 0),
    report_id    text NOT NULL,
    effective_at timestamptz NOT NULL,
    confirmed_at timestamptz NOT NULL CHECK (confirmed_at >= effective_at),   -- the latest report that said this price
    submitted_at timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    published_at timestamptz,
    PRIMARY KEY (station_id, fuel)
) WITH (fillfactor = 60);          -- room for updates in place: each change updates its row twice

CREATE TABLE price_reports (
    report_id    text NOT NULL,
    station_id   uuid NOT NULL,
    fuel         text NOT NULL,
    price_mills  int,
    currency     text NOT NULL,
    effective_at timestamptz NOT NULL,
    submitted_at timestamptz NOT NULL,
    received_at  timestamptz NOT NULL,
    reported_by  text NOT NULL,
    verdict      text NOT NULL CHECK (verdict IN ('accepted', 'unchanged', 'superseded', 'rejected')),
    reason       text CHECK ((reason IS NOT NULL) = (verdict = 'rejected')),
    version      bigint CHECK ((version IS NOT NULL) = (verdict = 'accepted')),
    PRIMARY KEY (report_id, station_id, fuel)
);
-- The history of a price: what was said of it, in the order in which it held.
CREATE INDEX price_history ON price_reports (station_id, fuel, effective_at DESC, report_id)
    WHERE verdict IN ('accepted', 'superseded');
