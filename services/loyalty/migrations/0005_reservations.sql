-- What is set aside while a driver pays, and what became of it.

CREATE TABLE reservations (
    reservation_id uuid PRIMARY KEY,
    order_id     uuid NOT NULL,
    driver_id    text NOT NULL,
    station_id   uuid NOT NULL,
    request_hash bytea,                 -- NULL: only its payment has come, nobody asked for it here
    status       text NOT NULL CHECK (status IN ('held', 'spent', 'released', 'replaced', 'expired', 'undone')),
    breakdown    jsonb NOT NULL,        -- the parts of the price; those of campaigns, coupons and points are ours
    currency     text NOT NULL,
    expires_at   timestamptz NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    settled_at   timestamptz            -- when it was no longer held
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX reservations_one_for_an_order ON reservations (order_id) WHERE status = 'held';
CREATE INDEX reservations_of_order ON reservations (order_id);
CREATE INDEX reservations_of_driver ON reservations (driver_id);
CREATE INDEX reservations_to_expire ON reservations (expires_at) WHERE status = 'held';

CREATE TABLE differences (              -- what was promised to a driver and could not be taken as it was meant to be
    difference_id uuid PRIMARY KEY,
    kind       text NOT NULL,
    order_id   uuid NOT NULL,
    key        text NOT NULL UNIQUE,    -- what it is about, so that it is noted once
    details    jsonb NOT NULL,
    noted_at   timestamptz NOT NULL,
    settled_at timestamptz,             -- when people were done with it
    settled_by text,
    note       text
);
CREATE INDEX differences_open ON differences (difference_id) WHERE settled_at IS NULL;

-- Takes one use of a campaign and so much of its budget, for a driver; false, and nothing is taken, where it does not
-- hold at the moment or would give more than it may. Of whoever comes at once the second waits for the first.
CREATE FUNCTION use_campaign(the_campaign uuid, the_driver text, minor bigint, at timestamptz)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    terms campaigns%ROWTYPE;
    own campaign_drivers%ROWTYPE;
    total campaign_use%ROWTYPE;
BEGIN
    INSERT INTO campaign_drivers (campaign_id, driver_id)
        SELECT campaign_id, the_driver FROM campaigns WHERE campaign_id = the_campaign ON CONFLICT DO NOTHING;
    INSERT INTO campaign_use (campaign_id)
        SELECT campaign_id FROM campaigns WHERE campaign_id = the_campaign ON CONFLICT DO NOTHING;
    SELECT * INTO own FROM campaign_drivers
        WHERE (campaign_id, driver_id) = (the_campaign, the_driver) FOR UPDATE;
    SELECT * INTO total FROM campaign_use WHERE campaign_id = the_campaign FOR UPDATE;
    SELECT * INTO terms FROM campaigns          -- after the waiting: it may have been stopped meanwhile
        WHERE campaign_id = the_campaign
            AND (status IN ('scheduled', 'live')
                OR status = 'ended' AND changed_at >= ends_at AND stopped_at IS NULL)   -- it ended by its time
            AND starts_at <= at AND (ends_at IS NULL OR ends_at > at);
    IF NOT FOUND
        OR total.used_minor + minor > terms.budget_minor
        OR total.uses + 1 > terms.most_uses
        OR own.uses + 1 > terms.uses_per_driver
    THEN
        RETURN false;
    END IF;
    UPDATE campaign_drivers SET used_minor = used_minor + minor, uses = uses + 1
        WHERE (campaign_id, driver_id) = (the_campaign, the_driver);
    UPDATE campaign_use SET used_minor = used_minor + minor, uses = uses + 1 WHERE campaign_id = the_campaign;
    RETURN true;
END $$;
