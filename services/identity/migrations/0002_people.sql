-- People: who they are, how they sign in, what staff may do where, which apps they sign in with, and the audit log.

-- Signing keys are sealed by the key ring, whose texts name their key themselves.
UPDATE signing_keys SET sealed_private = decode(sealed_with, 'hex') || sealed_private;
ALTER TABLE signing_keys DROP COLUMN sealed_with;

-- Tokens of a client whose rights were taken away carry an older version.
ALTER TABLE clients ADD COLUMN access_version int NOT NULL DEFAULT 1;
ALTER TABLE clients ADD COLUMN created_by uuid; -- the person; null: an operator's command
-- Drivers are people now, and people approve: no machine holds these scopes any more.
UPDATE clients SET scopes = array_remove(array_remove(scopes, 'driver'), 'price-changes:approve');
DELETE FROM clients WHERE cardinality(scopes) = 0;

CREATE TABLE users (
    id             uuid PRIMARY KEY,
    is_driver      boolean NOT NULL,
    state          text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'merged', 'erased')),
    merged_into    uuid REFERENCES users,
    version        int NOT NULL DEFAULT 1, -- of the events about the person
    access_version int NOT NULL DEFAULT 1, -- of the person's rights: tokens carry it
    profile        bytea,                  -- sealed JSON: what the person says of itself
    created_at     timestamptz NOT NULL,
    ended_at       timestamptz,
    CHECK ((state = 'merged') = (merged_into IS NOT NULL)),
    CHECK ((state = 'active') = (ended_at IS NULL)),
    CHECK (state = 'active' OR profile IS NULL)
);

-- Ways to sign in. The value is sealed; it is found by its keyed hash, which names its key.
CREATE TABLE logins (
    id          uuid PRIMARY KEY,
    user_id     uuid NOT NULL REFERENCES users,
    kind        text NOT NULL CHECK (kind IN ('phone', 'wechat', 'alipay', 'email')),
    hash        bytea NOT NULL,
    sealed      bytea NOT NULL,
    verified_at timestamptz NOT NULL,
    UNIQUE (kind, hash)
);
CREATE INDEX logins_of_user ON logins (user_id);

CREATE TABLE staff_roles (
    user_id    uuid NOT NULL REFERENCES users,
    role       text NOT NULL CHECK (role IN ('attendant', 'manager', 'owner', 'finance', 'agent', 'analyst', 'admin')),
    operators  text[] NOT NULL DEFAULT '{}',
    stations   uuid[] NOT NULL DEFAULT '{}',
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, role),
    CHECK ((role IN ('attendant', 'manager', 'owner', 'finance')) = (cardinality(operators) + cardinality(stations) > 0))
);

-- The apps people sign in with: public clients, which have no secret (RFC 8252, RFC 9700).
CREATE TABLE apps (
    client_id     text PRIMARY KEY CHECK (client_id ~ '^[a-z0-9][a-z0-9-]{2,63}$'),
    name          text NOT NULL,
    scopes        text[] NOT NULL, -- the most that a token of this app may carry
    redirect_uris text[] NOT NULL,
    first_party   boolean NOT NULL, -- ours: may use the grants that take a proof straight, and asks for no consent
    created_at    timestamptz NOT NULL DEFAULT now(),
    revoked_at    timestamptz
);

-- Which operator a station belongs to, learnt from stations.stations.
CREATE TABLE known_stations (
    station_id uuid PRIMARY KEY,
    operator   text NOT NULL,
    version    int NOT NULL
);

-- Who did what to whom, in a chain: each row's hash covers the row before it.
CREATE TABLE audit_log (
    sequence bigint PRIMARY KEY,
    at       timestamptz NOT NULL,
    actor    text NOT NULL, -- a person's or client's id, or 'operator' for a command
    action   text NOT NULL,
    subject  text NOT NULL, -- whom or what it was done to, by id
    details  jsonb NOT NULL, -- no personal data: ids and words of ours
    hash     bytea NOT NULL
);
