-- Gifts of operators, what drivers ordered of them, and what was given for what drivers did.

CREATE TABLE gifts (
    gift_id     uuid PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 1,         -- of what staff say of it; orders do not change it
    operator    text NOT NULL,
    name        text NOT NULL,
    description text NOT NULL,
    points      bigint NOT NULL CHECK (points > 0),
    money_minor bigint CHECK (money_minor > 0),    -- what is paid at the counter beside the points
    currency    text,
    stock       bigint NOT NULL,                   -- what there is, with what is ordered
    ordered     bigint NOT NULL DEFAULT 0,         -- of these: promised to somebody, and not yet handed over
    station_ids uuid[],                            -- where it is picked up; NULL: at all the operator's stations
    delivery    boolean NOT NULL,
    most_per_driver int CHECK (most_per_driver > 0),
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz CHECK (ends_at > starts_at),
    stopped_at  timestamptz,                       -- nobody can order it any more; what is ordered is handed over
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT never_more_than_there_are CHECK (ordered BETWEEN 0 AND stock),
    CHECK ((money_minor IS NULL) = (currency IS NULL)),
    CHECK (money_minor IS NULL OR NOT delivery)
) WITH (fillfactor = 60);
CREATE INDEX gifts_of_operator ON gifts (operator, gift_id);

CREATE TABLE gift_orders (
    gift_order_id uuid PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 1,
    gift_id     uuid NOT NULL REFERENCES gifts,
    name        text NOT NULL,                     -- of the gift, as it was ordered
    operator    text NOT NULL,
    driver_id   text NOT NULL,
    status      text NOT NULL CHECK (status IN ('placed', 'ready', 'picked_up', 'shipped', 'delivered', 'cancelled',
                                                'expired', 'returned')),
    how         text NOT NULL CHECK (how IN ('pick_up', 'delivery')),
    station_id  uuid,                              -- of a pick-up; NULL: the driver chooses it by coming
    points      bigint NOT NULL CHECK (points >= 0),
    money_minor bigint,
    currency    text,
    address     bytea,                             -- sealed; gone when it is no longer needed
    campaign_id uuid,                              -- of a gift that was given for nothing
    key         text UNIQUE,                       -- why it was given, once
    placed_at   timestamptz NOT NULL,
    ready_at    timestamptz,
    handed_over_at timestamptz,                    -- picked up or shipped
    ended_at    timestamptz,                       -- delivered, cancelled, expired or returned
    expires_at  timestamptz,                       -- until when it is to be picked up
    CHECK (how = 'delivery' OR address IS NULL),
    CHECK (how = 'pick_up' OR (station_id IS NULL AND expires_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX gift_orders_of_driver ON gift_orders (driver_id, gift_order_id);
CREATE INDEX gift_orders_of_station ON gift_orders (station_id, gift_order_id) WHERE status IN ('placed', 'ready');
CREATE INDEX gift_orders_to_deliver ON gift_orders (operator, gift_order_id)
    WHERE how = 'delivery' AND status IN ('placed', 'ready', 'shipped');
CREATE INDEX gift_orders_to_expire ON gift_orders (expires_at) WHERE status IN ('placed', 'ready');

CREATE TABLE gift_order_steps (                    -- who did what about an order
    gift_order_id uuid NOT NULL REFERENCES gift_orders,
    version     bigint NOT NULL,
    step        text NOT NULL,
    actor       text NOT NULL,
    at          timestamptz NOT NULL,
    details     jsonb NOT NULL DEFAULT '{}',
    PRIMARY KEY (gift_order_id, version)
);

CREATE TABLE rewards (                             -- what campaigns gave for what drivers did, each once
    key         text PRIMARY KEY,
    campaign_id uuid NOT NULL REFERENCES campaigns,
    driver_id   text NOT NULL,
    trigger     text NOT NULL,
    status      text NOT NULL CHECK (status IN ('given', 'held', 'refused')),  -- held: somebody looks into it first
    order_id    uuid,                              -- the order that was the reason, where one was
    coupon_id   uuid,
    gift_order_id uuid,
    decided_at  timestamptz NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX rewards_of_driver ON rewards (driver_id, campaign_id);
CREATE INDEX rewards_of_order ON rewards (order_id) WHERE order_id IS NOT NULL;
CREATE INDEX rewards_held ON rewards (key) WHERE status = 'held';

CREATE TABLE stamps (                              -- one counts until its order is refunded whole, or its card is full
    campaign_id uuid NOT NULL REFERENCES campaigns,
    order_id    uuid NOT NULL,
    driver_id   text NOT NULL,
    stamped_at  timestamptz NOT NULL,
    card        int,                               -- the full card that it is on
    PRIMARY KEY (campaign_id, order_id)
);
CREATE INDEX stamps_of_driver ON stamps (driver_id, campaign_id);

CREATE TABLE reward_troubles (                     -- purchases whose rewards could not be given
    order_id    uuid PRIMARY KEY,
    tries       int NOT NULL,
    error       text NOT NULL,
    next_try_at timestamptz NOT NULL,
    given_up_at timestamptz
);
CREATE INDEX reward_troubles_given_up ON reward_troubles (given_up_at) WHERE given_up_at IS NOT NULL;

CREATE TABLE reward_days (                         -- of campaigns that go by the calendar: which days are done
    campaign_id uuid NOT NULL REFERENCES campaigns,
    day         date NOT NULL,
    taken_at    timestamptz NOT NULL,
    done_at     timestamptz,
    PRIMARY KEY (campaign_id, day)
);
