-- What campaigns would have cost, as staff was told before publishing them.

CREATE TABLE simulations (
    simulation_id uuid PRIMARY KEY,
    campaign_id   uuid NOT NULL REFERENCES campaigns,
    version       bigint NOT NULL,      -- of the terms that were tried
    from_at       timestamptz NOT NULL,
    until_at      timestamptz NOT NULL,
    result        jsonb NOT NULL,
    made_by       text NOT NULL,
    made_at       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX simulations_of_campaign ON simulations (campaign_id, simulation_id);
