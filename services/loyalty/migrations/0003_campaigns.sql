-- Campaigns of operators, and how much of each was used.

CREATE TABLE campaigns (
    campaign_id     uuid PRIMARY KEY,
    version         bigint NOT NULL DEFAULT 1,
    status          text NOT NULL DEFAULT 'draft'
                    CHECK (status IN ('draft', 'simulated', 'scheduled', 'live', 'paused', 'ended')),
    operator        text NOT NULL,
    name            text NOT NULL,
    description     text NOT NULL DEFAULT '',
    benefit         jsonb NOT NULL,
    scope           jsonb NOT NULL,
    stacking        jsonb NOT NULL,
    currency        text,
    starts_at       timestamptz NOT NULL,
    ends_at         timestamptz CHECK (ends_at > starts_at),
    budget_minor    bigint CHECK (budget_minor > 0),
    most_uses       bigint CHECK (most_uses > 0),
    uses_per_driver int CHECK (uses_per_driver > 0),
    station_ids     uuid[],             -- those of the scope, for those who may see only what is about their stations
    simulated_version bigint,           -- the version whose terms were tried on past orders
    published_at    timestamptz,        -- the first time; before, nobody but staff knows of it
    stopped_at      timestamptz,        -- when staff paused it, until they resume it: its end then does not come by itself
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);
CREATE INDEX campaigns_of_operator ON campaigns (operator, campaign_id);
CREATE INDEX campaigns_at_work ON campaigns (starts_at) WHERE status IN ('scheduled', 'live', 'paused');

CREATE TABLE campaign_changes (         -- who did what to which campaign, in order
    position    bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    campaign_id uuid NOT NULL REFERENCES campaigns,
    version     bigint NOT NULL,        -- the campaign's after it
    command     text NOT NULL,
    actor       text NOT NULL,
    at          timestamptz NOT NULL,
    from_status text,                   -- NULL: it was made
    to_status   text NOT NULL,
    reason      text,
    terms       jsonb                   -- all of them as they are since then, where they were made or changed
);
CREATE INDEX campaign_changes_of_campaign ON campaign_changes (campaign_id, position);
CREATE INDEX campaign_changes_by_actor ON campaign_changes (actor);

CREATE TABLE campaign_use (             -- what is taken of the budget: reserved and spent together, so never too much
    campaign_id uuid PRIMARY KEY REFERENCES campaigns,
    used_minor  bigint NOT NULL DEFAULT 0 CHECK (used_minor >= 0),
    uses        bigint NOT NULL DEFAULT 0 CHECK (uses >= 0)
) WITH (fillfactor = 50);

CREATE TABLE campaign_drivers (         -- the same for each driver
    campaign_id uuid NOT NULL REFERENCES campaigns,
    driver_id   text NOT NULL,
    used_minor  bigint NOT NULL DEFAULT 0 CHECK (used_minor >= 0),
    uses        int NOT NULL DEFAULT 0 CHECK (uses >= 0),
    PRIMARY KEY (campaign_id, driver_id)
) WITH (fillfactor = 70);
CREATE INDEX campaign_drivers_of_driver ON campaign_drivers (driver_id);

CREATE TABLE station_places (           -- where stations are, for those who ask what holds around them
    station_id uuid PRIMARY KEY,
    lat        double precision NOT NULL,
    lon        double precision NOT NULL,
    version    bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX station_places_by_latitude ON station_places (lat);
