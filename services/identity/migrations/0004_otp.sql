-- One-time codes by text message: what was asked for, what is on its way, and the counts that bound both.

-- A code that a phone was asked to show. It lives 5 minutes; the row goes shortly after.
CREATE TABLE otp_requests (
    id          uuid PRIMARY KEY,
    phone       bytea NOT NULL,   -- sealed
    phone_hash  bytea NOT NULL,   -- keyed
    device_hash bytea NOT NULL,   -- keyed
    is_familiar boolean NOT NULL, -- this phone's owner has signed in with this device before
    prefix      text NOT NULL,    -- of the number: country and first digits
    code_hash   bytea NOT NULL,   -- keyed, and salted with the id
    wrong_tries int NOT NULL DEFAULT 0,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    sent_at     timestamptz,      -- a provider took the message, or may have
    used_at     timestamptz
);
CREATE INDEX otp_requests_by_end ON otp_requests (expires_at);

-- Text messages that no provider has taken yet.
CREATE TABLE sms_messages (
    id             uuid PRIMARY KEY,
    otp_request_id uuid REFERENCES otp_requests ON DELETE CASCADE,
    sealed         bytea NOT NULL,         -- the phone and what to write
    attempts       int NOT NULL DEFAULT 0,
    doubtful       int NOT NULL DEFAULT 0, -- attempts of which nobody knows whether they sent it
    due_at         timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL
);
CREATE INDEX sms_messages_due ON sms_messages (due_at);
CREATE INDEX sms_messages_of_request ON sms_messages (otp_request_id);

-- How often something happened, in slots of a tenth of its window; the key is of our words and keyed hashes.
CREATE TABLE limit_counts (
    key     text NOT NULL,
    slot    timestamptz NOT NULL,
    count   int NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (key, slot)
);
CREATE INDEX limit_counts_by_end ON limit_counts (ends_at);

-- How many of a prefix's codes came back: of the last ones only, since both are halved now and then.
CREATE TABLE sms_prefixes (
    prefix        text PRIMARY KEY,
    sent          int NOT NULL,
    verified      int NOT NULL,
    blocked_until timestamptz,
    judged_at     timestamptz NOT NULL
);

-- Devices whose user has shown the phone's code on them.
CREATE TABLE familiar_devices (
    phone_hash  bytea NOT NULL,
    device_hash bytea NOT NULL,
    seen_at     timestamptz NOT NULL,
    PRIMARY KEY (phone_hash, device_hash)
);
CREATE INDEX familiar_devices_by_age ON familiar_devices (seen_at);
