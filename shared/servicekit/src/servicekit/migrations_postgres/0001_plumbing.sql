-- The plumbing tables that every Postgres service has: outbox, inbox, dead letters, idempotency keys.

CREATE TABLE outbox (
    position    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id    uuid NOT NULL DEFAULT uuidv7(),
    topic       text NOT NULL,
    key         text NOT NULL,
    type        text NOT NULL,
    payload     bytea NOT NULL,
    traceparent text,
    created_at  timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE inbox (
    consumer    text NOT NULL,
    source      text NOT NULL,
    event_id    text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, source, event_id)
);

CREATE TABLE dead_letters (
    id            uuid PRIMARY KEY,
    consumer      text NOT NULL,
    topic         text NOT NULL,
    partition     int NOT NULL,
    record_offset bigint NOT NULL,
    key           bytea,
    value         bytea,
    headers       jsonb NOT NULL,
    published_at  timestamptz NOT NULL,
    error         text NOT NULL,
    status        text NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'replay', 'replayed')),
    attempts      int NOT NULL DEFAULT 0,
    created_at    timestamptz NOT NULL DEFAULT now(),
    requested_by  text,
    requested_at  timestamptz,
    resolved_at   timestamptz,
    -- published_at is part of the key: a topic that was made anew counts its offsets from zero again
    UNIQUE (consumer, topic, partition, record_offset, published_at)
);
CREATE INDEX dead_letters_to_replay ON dead_letters (id) WHERE status = 'replay';

CREATE TABLE idempotency_keys (
    caller       text NOT NULL,
    route        text NOT NULL,
    key          text NOT NULL,
    request_hash bytea NOT NULL,
    status       int NOT NULL,
    reply        bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (caller, route, key)
);
