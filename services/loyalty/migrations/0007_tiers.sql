-- Tiers, what fuel earns, who invited whom, and what looks like misuse.

CREATE TABLE member_months (            -- how much fuel of each UTC month counts: tiers need no purchase older than it
    driver_id text NOT NULL,
    month     date NOT NULL CHECK (extract(day FROM month) = 1),
    volume_ml bigint NOT NULL,
    PRIMARY KEY (driver_id, month)
) WITH (fillfactor = 70);

-- The month for which the tier was last worked out: what is above the lowest is worked out anew in each month.
ALTER TABLE members ADD COLUMN tier_month date NOT NULL DEFAULT date_trunc('month', now() AT TIME ZONE 'UTC')::date;
CREATE INDEX members_to_review ON members (tier_month) WHERE tier <> 'member';

CREATE TABLE earning_rule_sets (        -- each an operator's whole list; nothing is ever changed, so it says who did what
    operator   text NOT NULL,
    version    int NOT NULL CHECK (version > 0),
    rules      jsonb NOT NULL,
    valid_from timestamptz NOT NULL,    -- for orders that are paid from then on, until that of the next version
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operator, version)
);

CREATE TABLE invitations (              -- a driver's code for friends; what it stands for is in `codes`
    driver_id  text PRIMARY KEY,
    code       bytea NOT NULL,          -- sealed in the driver's box, to be shown again
    expires_at timestamptz NOT NULL
);

CREATE TABLE referrals (                -- who came by whose invitation, each once
    friend_id   text PRIMARY KEY,
    inviter_id  text NOT NULL CHECK (inviter_id <> friend_id),
    made_at     timestamptz NOT NULL,
    rewarded_at timestamptz             -- when the inviter first got something for it
);
CREATE INDEX referrals_of_inviter ON referrals (inviter_id, made_at);

CREATE TABLE devices (                  -- which devices were used to invite and to be invited
    device_hash bytea NOT NULL,         -- keyed
    driver_id   text NOT NULL,
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (device_hash, driver_id)
);
CREATE INDEX devices_of_driver ON devices (driver_id);

CREATE TABLE misuse_flags (             -- what looks like misuse: rewards wait until somebody looked into it
    flag_id    uuid PRIMARY KEY,
    key        text NOT NULL UNIQUE,    -- what was seen, once
    kind       text NOT NULL,
    driver_id  text NOT NULL,           -- whose reward waits
    friend_id  text,                    -- for whose coming it would be
    order_id   uuid,
    details    jsonb NOT NULL,
    status     text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'cleared', 'confirmed')),
    made_at    timestamptz NOT NULL,
    decided_at timestamptz,
    decided_by text,
    note       bytea,                   -- the decider's, sealed in the driver's box
    CHECK ((status = 'open') = (decided_at IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX misuse_flags_of_driver ON misuse_flags (driver_id, flag_id);
CREATE INDEX misuse_flags_about_friend ON misuse_flags (friend_id) WHERE friend_id IS NOT NULL;
CREATE INDEX misuse_flags_by_status ON misuse_flags (status, flag_id);
