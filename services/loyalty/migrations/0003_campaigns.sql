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
    created_by      text NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    changed_at      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);
CREATE INDEX campaigns_of_operator ON campaigns (operator, campaign_id);
CREATE INDEX campaigns_at_work ON campaigns (starts_at) WHERE status IN ('scheduled', 'live');

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
