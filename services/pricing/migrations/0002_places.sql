-- Where a station lies: for the rules of its region, its neighbours and the alerts around it. NULL until the station's
-- next event; every import after this migration sends one.

ALTER TABLE stations
    ADD COLUMN name      text,
    ADD COLUMN country   text,
    ADD COLUMN region    text,
    ADD COLUMN time_zone text,
    ADD COLUMN lat       double precision,
    ADD COLUMN lon       double precision;
CREATE INDEX stations_place ON stations (lat, lon) WHERE NOT closed;
