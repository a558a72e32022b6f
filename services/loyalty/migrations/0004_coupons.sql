-- Coupons of operators: what they are of, who has which, and codes that stand for something for a while.

CREATE TABLE coupon_templates (
    template_id uuid PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 1,
    operator    text NOT NULL,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    benefit     jsonb NOT NULL,         -- a discount
    scope       jsonb NOT NULL,
    stacking    jsonb NOT NULL,
    currency    text,
    valid_days  int NOT NULL CHECK (valid_days > 0),   -- from when it is issued, but not beyond ends_at
    ends_at     timestamptz,
    transferable boolean NOT NULL DEFAULT false,
    most_issued bigint CHECK (most_issued > 0),
    issued      bigint NOT NULL DEFAULT 0,
    per_driver  int CHECK (per_driver > 0),            -- how many one driver may get in all
    claimable   boolean NOT NULL DEFAULT false,        -- drivers may take one without a campaign or a code
    stopped_at  timestamptz,            -- nothing more is issued; what drivers have stays good
    created_by  text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT never_more_than_there_are CHECK (most_issued IS NULL OR issued <= most_issued)
) WITH (fillfactor = 60);
CREATE INDEX coupon_templates_of_operator ON coupon_templates (operator, template_id);

CREATE TABLE coupons (
    coupon_id   uuid PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 1,
    template_id uuid NOT NULL REFERENCES coupon_templates,
    driver_id   text NOT NULL,
    status      text NOT NULL DEFAULT 'active'
                CHECK (status IN ('active', 'reserved', 'redeemed', 'expired', 'cancelled')),
    key         text NOT NULL UNIQUE,   -- why it was issued, once: `claim|<campaign>|<driver>|1` and so on
    reason      text NOT NULL,
    campaign_id uuid,
    issued_at   timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    reserved_by uuid,                   -- the reservation
    order_id    uuid,
    station_id  uuid,
    redeemed_at timestamptz,
    CHECK ((status = 'reserved') = (reserved_by IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX coupons_of_driver ON coupons (driver_id, status, expires_at);
CREATE INDEX coupons_of_reservation ON coupons (reserved_by) WHERE reserved_by IS NOT NULL;
CREATE INDEX coupons_to_expire ON coupons (expires_at) WHERE status = 'active';
