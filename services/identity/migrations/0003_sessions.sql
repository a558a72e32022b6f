-- Sessions, the codes and pages that lead to them, and the apps that people sign in with from the start.

-- A session is a sign-in with one app, and the family of its refresh tokens.
CREATE TABLE sessions (
    id               uuid PRIMARY KEY,
    user_id          uuid NOT NULL REFERENCES users,
    client_id        text NOT NULL REFERENCES apps,
    scopes           text[] NOT NULL, -- the most that its tokens may carry; the person's roles decide at each refresh
    methods          text[] NOT NULL, -- how the person proved who they are
    authenticated_at timestamptz NOT NULL,
    device           bytea NOT NULL, -- sealed: what the device is called
    generation       int NOT NULL DEFAULT 1, -- of the refresh token that is good now
    token_hash       bytea NOT NULL,         -- that one's SHA-256
    rotated_at       timestamptz NOT NULL,   -- when it was made
    created_at       timestamptz NOT NULL,
    expires_at       timestamptz NOT NULL,   -- whatever is refreshed
    ended_at         timestamptz,
    CHECK (cardinality(scopes) > 0 AND cardinality(methods) > 0)
);
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- A person at the sign-in page. The page knows the row by 256 random bits, of which this is the SHA-256.
CREATE TABLE authorization_requests (
    id_hash      bytea PRIMARY KEY,
    client_id    text NOT NULL REFERENCES apps,
    redirect_uri text NOT NULL,
    scopes       text[] NOT NULL,
    state        text,
    challenge    text NOT NULL,     -- PKCE, S256
    progress     jsonb NOT NULL DEFAULT '{}', -- ids of the steps taken so far
    created_at   timestamptz NOT NULL
);
CREATE INDEX authorization_requests_by_age ON authorization_requests (created_at);

-- Codes, of which this is the SHA-256 too. A used one stays for a while, so that its second use is known for one.
CREATE TABLE authorization_codes (
    code_hash        bytea PRIMARY KEY,
    client_id        text NOT NULL REFERENCES apps,
    redirect_uri     text NOT NULL,
    scopes           text[] NOT NULL,
    challenge        text NOT NULL,
    user_id          uuid NOT NULL REFERENCES users,
    methods          text[] NOT NULL,
    authenticated_at timestamptz NOT NULL,
    created_at       timestamptz NOT NULL,
    session_id       uuid -- the one it was exchanged for
);
CREATE INDEX authorization_codes_by_age ON authorization_codes (created_at);

INSERT INTO apps (client_id, name, scopes, redirect_uris, first_party) VALUES
    ('forecourt-app', 'Forecourt', '{account,account:secure,driver}',
     '{https://app.forecourt.example/signed-in,forecourt://signed-in,http://127.0.0.1/signed-in}', true),
    ('forecourt-console', 'Forecourt Console',
     '{account,account:secure,pumps:write,orders:write,stations:write,price-changes:write,price-changes:approve,price-rules:write,staff:read,staff:manage,clients:read,clients:manage}',
     '{https://console.forecourt.example/signed-in,http://127.0.0.1/signed-in}', true);
