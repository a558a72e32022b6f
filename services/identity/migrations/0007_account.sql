-- What people keep in their account: vehicles, consents, exports of their data.

CREATE TABLE vehicles (
    id         uuid PRIMARY KEY,
    user_id    uuid NOT NULL REFERENCES users,
    sealed     bytea NOT NULL, -- JSON: all that the person says of the vehicle
    is_default boolean NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX vehicles_of_user ON vehicles (user_id);
CREATE UNIQUE INDEX vehicles_one_default ON vehicles (user_id) WHERE is_default;

-- Each decision is a row that never changes: who agreed to which version of what, when, by which app.
CREATE TABLE consents (
    id       uuid PRIMARY KEY,
    user_id  uuid NOT NULL REFERENCES users,
    document text NOT NULL,
    version  text NOT NULL,
    granted  boolean NOT NULL,
    app      text NOT NULL,
    at       timestamptz NOT NULL
);
CREATE INDEX consents_of_user ON consents (user_id, document, id);

CREATE TABLE exports (
    id           uuid PRIMARY KEY,
    user_id      uuid NOT NULL REFERENCES users,
    status       text NOT NULL CHECK (status IN ('collecting', 'ready', 'failed')),
    waits_for    text[] NOT NULL DEFAULT '{}', -- services that did not answer the last time
    attempts     int NOT NULL DEFAULT 0,
    requested_at timestamptz NOT NULL,
    next_try_at  timestamptz NOT NULL,
    give_up_at   timestamptz NOT NULL,
    expires_at   timestamptz -- when what was collected, or that it failed, is forgotten
    CHECK ((status = 'collecting') = (expires_at IS NULL))
);
CREATE UNIQUE INDEX exports_one_running ON exports (user_id) WHERE status = 'collecting';
CREATE INDEX exports_of_user ON exports (user_id);
CREATE INDEX exports_due ON exports (next_try_at) WHERE status = 'collecting';
CREATE INDEX exports_to_forget ON exports (expires_at) WHERE status <> 'collecting';

-- What one service knows of the person: an export goes on where it was interrupted.
CREATE TABLE export_parts (
    export_id uuid NOT NULL REFERENCES exports ON DELETE CASCADE,
    service   text NOT NULL,
    sealed    bytea NOT NULL, -- JSON, in the person's box
    PRIMARY KEY (export_id, service)
);

CREATE INDEX users_merged_into ON users (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX audit_log_of_subject ON audit_log (subject, sequence);
