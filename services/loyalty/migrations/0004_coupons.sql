-- Coupons of operators: what they are of, who has which, and codes that stand for something for a while.

CREATE TABLE coupon_templates (
    template_id uuid PRIMARY KEY,
    version     bigint NOT NULL DEFAULT 1,
    operator    text NOT NULL,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    benefit     jsonb NOT NULL,         -- a discount, or something that the crew gives
    scope       jsonb NOT NULL,
    stacking    jsonb NOT NULL,
    currency    text,
    valid_days  int NOT NULL CHECK (valid_days > 0),   -- from when it is issued, but not beyond ends_at
    ends_at     timestamptz,
    transferable boolean NOT NULL DEFAULT false,
    most_issued bigint CHECK (most_issued > 0),
    issued      bigint NOT NULL DEFAULT 0,
    per_driver  int CHECK (per_driver > 0),            -- how many one driver may get in all
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
    driver_id   text NOT NULL,          -- whose it is
    issued_to   text NOT NULL,          -- who got it first: another driver where it was given away
    status      text NOT NULL DEFAULT 'active'
                CHECK (status IN ('active', 'reserved', 'redeemed', 'expired', 'cancelled')),
    key         text NOT NULL UNIQUE,   -- why it was issued, once: `claim|<campaign>|<driver>|1` and so on
    reason      text NOT NULL,
    campaign_id uuid,
    issued_at   timestamptz NOT NULL,
    given_at    timestamptz,            -- when it was given away
    expires_at  timestamptz NOT NULL,
    reserved_by uuid,                   -- the reservation
    order_id    uuid,
    station_id  uuid,
    redeemed_at timestamptz,
    amount_minor bigint CHECK (amount_minor >= 0),     -- what it took off
    CHECK ((status = 'reserved') = (reserved_by IS NOT NULL)),
    CHECK ((status = 'redeemed') = (redeemed_at IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX coupons_of_driver ON coupons (driver_id, status, expires_at);
CREATE INDEX coupons_given_away ON coupons (issued_to) WHERE issued_to <> driver_id;
CREATE INDEX coupons_of_template ON coupons (template_id, driver_id);
CREATE INDEX coupons_of_reservation ON coupons (reserved_by) WHERE reserved_by IS NOT NULL;
CREATE INDEX coupons_to_expire ON coupons (expires_at) WHERE status = 'active';

CREATE TABLE codes (                    -- whoever shows the code gets what it stands for, once
    code_id    uuid PRIMARY KEY,
    code_hash  bytea NOT NULL UNIQUE,   -- keyed: the code itself is nowhere
    purpose    text NOT NULL,
    subject    text NOT NULL,           -- the id of what it stands for
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
) WITH (fillfactor = 80);
CREATE INDEX codes_of_subject ON codes (subject, purpose) WHERE used_at IS NULL;
CREATE INDEX codes_to_forget ON codes (expires_at);

CREATE TABLE code_tries (               -- how often who was wrong of late, so that nobody guesses on and on
    caller text PRIMARY KEY,
    wrong  int NOT NULL,
    since  timestamptz NOT NULL
) WITH (fillfactor = 70);
