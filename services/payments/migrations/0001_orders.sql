-- What payments knows of stations and prices (its read models), and refuelling orders with all their steps.

CREATE TABLE stations (
    station_id uuid PRIMARY KEY,
    operator   text NOT NULL,
    name       text NOT NULL,
    country    text NOT NULL,
    time_zone  text NOT NULL,
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
    effective_at timestamptz NOT NULL,
    PRIMARY KEY (station_id, fuel)
) WITH (fillfactor = 80);

CREATE TABLE orders (
    order_id         uuid PRIMARY KEY,
    version          bigint NOT NULL CHECK (version > 0),
    driver_id        text NOT NULL,
    station_id       uuid NOT NULL,
    operator         text NOT NULL,
    pump_id          text NOT NULL,
    fuel             text NOT NULL,
    mode             text NOT NULL,
    status           text NOT NULL,
    price_mills      int NOT NULL CHECK (price_mills > 0),
    price_version    bigint NOT NULL,
    currency         text NOT NULL,
    measure          text NOT NULL,
    placed_at        timestamptz NOT NULL,
    requested_minor  bigint CHECK (requested_minor > 0),
    requested_ml     bigint CHECK (requested_ml > 0),
    volume_ml        bigint CHECK (volume_ml >= 0),
    gross_minor      bigint CHECK (gross_minor >= 0),
    discount_minor   bigint NOT NULL CHECK (discount_minor >= 0),
    breakdown        jsonb NOT NULL,
    coupon_ids       text[] NOT NULL,
    points           bigint NOT NULL CHECK (points >= 0),
    reservation_id   uuid,
    method           text,
    card_id          uuid,
    authorised_minor bigint NOT NULL CHECK (authorised_minor >= 0),
    paid_minor       bigint NOT NULL CHECK (paid_minor >= 0),
    refunded_minor   bigint NOT NULL CHECK (refunded_minor BETWEEN 0 AND paid_minor),
    vehicle_id       uuid,
    odometer_km      bigint,
    reason           text,
    waiting_since    timestamptz,
    fuelling_since   timestamptz,
    dispensed_at     timestamptz,
    confirmed_at     timestamptz,
    paid_at          timestamptz,
    completed_at     timestamptz
) WITH (fillfactor = 60);          -- an order is updated some six times
CREATE INDEX orders_of_driver ON orders (driver_id, order_id DESC);
CREATE INDEX orders_of_station ON orders (station_id, order_id DESC);
CREATE INDEX orders_that_wait ON orders (status, waiting_since) WHERE waiting_since IS NOT NULL;
-- A pump fuels one car at a time; who drove off without paying does not keep it.
CREATE UNIQUE INDEX one_open_order_at_a_pump ON orders (station_id, pump_id)
    WHERE status IN ('placed', 'confirmed', 'adjusted', 'paying', 'unknown', 'authorised') AND dispensed_at IS NULL;

CREATE TABLE order_steps (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL,
    version  bigint NOT NULL,
    command  text,                 -- NULL: it was placed
    before   text,
    after    text NOT NULL,
    actor    text NOT NULL,
    at       timestamptz NOT NULL,
    details  jsonb NOT NULL,
    UNIQUE (order_id, version)
);

CREATE TABLE dispenses (           -- what pumps reported, whatever became of it
    station_id   uuid NOT NULL,
    dispense_id  text NOT NULL,    -- the station's own
    order_id     uuid NOT NULL,
    volume_ml    bigint NOT NULL CHECK (volume_ml >= 0),
    amount_minor bigint CHECK (amount_minor >= 0),
    started_at   timestamptz,
    ended_at     timestamptz NOT NULL,
    reported_by  text NOT NULL,
    received_at  timestamptz NOT NULL,
    outcome      text NOT NULL,    -- see domain.dispenses
    PRIMARY KEY (station_id, dispense_id)
);
CREATE INDEX dispenses_of_order ON dispenses (order_id);

CREATE TABLE disputes (
    dispute_id uuid PRIMARY KEY,
    order_id   uuid NOT NULL,
    driver_id  text NOT NULL,
    reason     text NOT NULL,
    text       bytea,              -- sealed in the driver's box
    made_at    timestamptz NOT NULL
);
CREATE INDEX disputes_of_driver ON disputes (driver_id);
CREATE INDEX disputes_of_order ON disputes (order_id);
