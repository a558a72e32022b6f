-- Each person's data key, sealed with the service's key ring; and what was erased, which outlives the data.

CREATE TABLE personal_keys (
    subject    text PRIMARY KEY,
    sealed_key bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE erasures (
    subject   text PRIMARY KEY,
    erased_at timestamptz NOT NULL,
    erased    jsonb NOT NULL -- how many of what, e.g. {"vehicles": 2}; nothing of the data
);
