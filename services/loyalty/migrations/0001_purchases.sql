-- What loyalty knows of stations, prices, drivers and what they bought.

CREATE TABLE stations (
    station_id uuid PRIMARY KEY,
    operator   text NOT NULL,
    name       text NOT NULL,
    country    text NOT NULL,
    time_zone  text NOT NULL,
    currency   text NOT NULL,
    fuels      text[],
    closed     boolean NOT NULL,
    version    bigint NOT NULL
) WITH (fillfactor = 80);

CREATE TABLE prices (
    station_id   uuid NOT NULL,
    fuel         text NOT NULL,
    price_mills  int CHECK (price_mills > 0),   -- NULL: no longer sold
    currency     text NOT NULL,
    version      bigint NOT NULL CHECK (version > 0),
    effective_at timestamptz NOT NULL,
    PRIMARY KEY (station_id, fuel)
) WITH (fillfactor = 80);

CREATE TABLE members (                  -- one row for each driver; whoever changes a driver's points locks it first
    driver_id   text PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 0,         -- of the points' account; it grows with each entry
    balance     bigint NOT NULL DEFAULT 0,         -- a cache: the sum of the driver's lots, and of the postings
    tier        text NOT NULL DEFAULT 'member',
    tier_since  timestamptz NOT NULL DEFAULT now(),
    birth_month smallint CHECK (birth_month BETWEEN 1 AND 12),
    birth_month_set_at timestamptz,
    joined_at   timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);

CREATE TABLE purchases (                -- each order as far as its events have come, in whatever order
    order_id       uuid PRIMARY KEY,
    driver_id      text NOT NULL,
    station_id     uuid NOT NULL,
    operator       text NOT NULL,
    fuel           text NOT NULL,
    mode           text NOT NULL,
    price_mills    int NOT NULL,
    currency       text NOT NULL,
    paid_at        timestamptz,         -- NULL: only a refund of it has come; of a prepaid one, when it was dispensed
    volume_ml      bigint,
    gross_minor    bigint,              -- what was dispensed; less than paid_minor where a prepaid one has a rest
    paid_minor     bigint,
    method         text,
    card_id        uuid,
    reservation_id uuid,
    breakdown      jsonb NOT NULL DEFAULT '[]',
    refunded_minor bigint NOT NULL DEFAULT 0,      -- 1 where nothing was paid and all was undone
    counted_ml     bigint NOT NULL DEFAULT 0,      -- of its fuel, for the driver's tier
    tier           text,                -- the driver's when it was paid
    multiplier_campaigns uuid[] NOT NULL DEFAULT '{}',
    points_due     bigint NOT NULL DEFAULT 0,      -- what was earned by it, before refunds
    points_posted  bigint NOT NULL DEFAULT 0,      -- what is posted of it now
    rewarded_at    timestamptz          -- when rewards that hang on it were given out; NULL: they are due
) WITH (fillfactor = 80);
CREATE INDEX purchases_of_driver ON purchases (driver_id, operator, paid_at);
CREATE INDEX purchases_of_operator ON purchases (operator, paid_at);
CREATE INDEX purchases_to_reward ON purchases (paid_at) WHERE rewarded_at IS NULL AND paid_at IS NOT NULL;
