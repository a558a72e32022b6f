-- Staff: what they sign in with, who was invited to what, and how often somebody tried wrongly.

CREATE TABLE credentials (
    user_id        uuid PRIMARY KEY REFERENCES users,
    name           bytea NOT NULL,  -- sealed: what colleagues call the person
    password_hash  text NOT NULL,   -- argon2id with its parameters
    totp_secret    bytea NOT NULL,  -- sealed
    totp_last_step bigint NOT NULL DEFAULT 0, -- a code is good once: so is every code before it
    changed_at     timestamptz NOT NULL
);

-- 80 random bits each, so a fast hash is enough; a used one is gone.
CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES credentials ON DELETE CASCADE,
    digest  bytea NOT NULL,
    PRIMARY KEY (user_id, digest)
);

-- Between the password and the code. A wrong password makes a row as well, with no person: nobody learns which it was.
CREATE TABLE password_steps (
    id          uuid PRIMARY KEY,
    account     bytea NOT NULL, -- keyed hash of the e-mail address, whoever's it is
    user_id     uuid REFERENCES users,
    wrong_codes int NOT NULL DEFAULT 0,
    expires_at  timestamptz NOT NULL
);
CREATE INDEX password_steps_end ON password_steps (expires_at);

CREATE TABLE password_tries (
    bucket  bytea PRIMARY KEY, -- keyed hash of what is counted: an account, a network, or both together
    count   int NOT NULL,
    ends_at timestamptz NOT NULL
);
CREATE INDEX password_tries_end ON password_tries (ends_at);

-- Where a person has signed in from: strangers' wrong tries elsewhere do not keep it out there.
CREATE TABLE familiar_networks (
    user_id uuid NOT NULL REFERENCES users,
    network bytea NOT NULL, -- keyed hash
    used_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, network)
);

-- What somebody may do with a link. A row is gone when it was used, replaced or has run out.
CREATE TABLE invitations (
    id            uuid PRIMARY KEY,
    token_digest  bytea NOT NULL UNIQUE, -- SHA-256 of 256 random bits
    purpose       text NOT NULL CHECK (purpose IN ('join', 'second-factor', 'password')),
    box           uuid NOT NULL,         -- whose data key seals: the person's, or for somebody new one of its own
    email_hash    bytea NOT NULL,
    email         bytea NOT NULL,        -- sealed
    role          text,
    operators     text[] NOT NULL DEFAULT '{}',
    stations      uuid[] NOT NULL DEFAULT '{}',
    invited_by    uuid REFERENCES users, -- null: an operator's command
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    -- what the first of the two steps brought
    accepted_at   timestamptz,
    name          bytea,                 -- sealed
    password_hash text,
    totp_secret   bytea,                 -- sealed
    CHECK ((purpose = 'join') = (role IS NOT NULL))
);
CREATE INDEX invitations_of_email ON invitations (email_hash);
CREATE INDEX invitations_end ON invitations (expires_at);

CREATE INDEX staff_roles_operators ON staff_roles USING gin (operators);
CREATE INDEX staff_roles_stations ON staff_roles USING gin (stations);
CREATE INDEX known_stations_operator ON known_stations (operator);

-- A client's name is its maker's: nobody learns from a refusal what others call theirs.
DROP INDEX clients_live_name;
CREATE UNIQUE INDEX clients_live_name ON clients (created_by, name) NULLS NOT DISTINCT WHERE revoked_at IS NULL;
