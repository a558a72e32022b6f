-- Machine clients and the keys that sign access tokens.

CREATE TABLE clients (
    id              uuid PRIMARY KEY,
    name            text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    scopes          text[] NOT NULL,
    operators       text[] NOT NULL CHECK (cardinality(operators) <= 200),
    stations        uuid[] NOT NULL CHECK (cardinality(stations) <= 200),
    -- SHA-256 of 256 random bits; the previous secret stays good for a while after a rotation
    secret_digest   bytea NOT NULL,
    previous_digest bytea,
    previous_until  timestamptz,
    created_at      timestamptz NOT NULL,
    revoked_at      timestamptz,
    CHECK ((previous_digest IS NULL) = (previous_until IS NULL))
);
CREATE UNIQUE INDEX clients_live_name ON clients (name) WHERE revoked_at IS NULL;

CREATE TABLE signing_keys (
    kid            uuid PRIMARY KEY,
    public_jwk     jsonb NOT NULL,
    sealed_private bytea NOT NULL,
    sealed_with    text NOT NULL,
    published_at   timestamptz NOT NULL,
    activated_at   timestamptz,
    retired_at     timestamptz,
    CHECK (retired_at IS NULL OR activated_at IS NOT NULL)
);
CREATE UNIQUE INDEX signing_keys_one_next ON signing_keys ((true)) WHERE activated_at IS NULL;
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys ((true))
    WHERE activated_at IS NOT NULL AND retired_at IS NULL;
