-- The ledger: transfers whose postings sum to zero, never changed; balances that can be made anew from them; holds.

CREATE TABLE accounts (
    account_id uuid PRIMARY KEY,
    kind       text NOT NULL,
    owner      text NOT NULL,
    currency   text NOT NULL,
    is_checked boolean NOT NULL,   -- its available balance never falls below zero
    opened_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (kind, owner, currency)
);

CREATE TABLE transfers (
    transfer_id uuid PRIMARY KEY,
    kind        text NOT NULL,
    key         text NOT NULL UNIQUE,   -- its business identity: money moves once for it
    subject     uuid,                   -- the order, card or recharge that it is about
    made_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX transfers_of_subject ON transfers (subject) WHERE subject IS NOT NULL;

CREATE TABLE postings (
    posting_id   bigint GENERATED ALWAYS AS IDENTITY,
    transfer_id  uuid NOT NULL,
    account_id   uuid NOT NULL,
    currency     text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    PRIMARY KEY (account_id, posting_id)
);
CREATE INDEX postings_of_transfer ON postings (transfer_id);

CREATE TABLE balances (                 -- of checked accounts, and of the others what was summed up so far
    account_id   uuid PRIMARY KEY,
    is_checked   boolean NOT NULL,
    posted_minor bigint NOT NULL,
    held_minor   bigint NOT NULL DEFAULT 0 CHECK (held_minor >= 0),
    CONSTRAINT never_below_zero CHECK (NOT is_checked OR posted_minor >= held_minor)
) WITH (fillfactor = 60);

CREATE TABLE balance_deltas (           -- what a hot account got since: added without a lock, summed up later
    account_id   uuid NOT NULL,
    amount_minor bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE holds (
    hold_id      uuid PRIMARY KEY,
    account_id   uuid NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    key          text NOT NULL UNIQUE,
    status       text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'posted', 'voided', 'expired')),
    subject      uuid,
    made_at      timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz NOT NULL,
    settled_at   timestamptz
) WITH (fillfactor = 80);
CREATE INDEX holds_to_expire ON holds (expires_at) WHERE status = 'pending';

-- Each statement's postings must balance for each transfer that they belong to, so all of a transfer's do, always. A
-- check of the whole statement costs once what a deferred one would cost for each row.
CREATE FUNCTION require_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added GROUP BY transfer_id, currency HAVING sum(amount_minor) <> 0) THEN
        RAISE EXCEPTION 'the postings of a transfer must sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM added a WHERE NOT EXISTS (
            SELECT FROM accounts c WHERE (c.account_id, c.currency) = (a.account_id, a.currency)))
       OR EXISTS (SELECT FROM added a WHERE NOT EXISTS (
            SELECT FROM transfers t WHERE t.transfer_id = a.transfer_id)) THEN
        RAISE EXCEPTION 'a posting names no transfer, or no account of its currency'
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER balanced AFTER INSERT ON postings
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION require_balance();

CREATE FUNCTION refuse_change_of_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the ledger takes new entries only; correct by a reversal'
        USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON accounts
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger();
-- Also in a session that plays a replica, for which triggers are off.
ALTER TABLE accounts ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE transfers ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE postings ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE postings ENABLE ALWAYS TRIGGER balanced;
REVOKE UPDATE, DELETE, TRUNCATE ON accounts, transfers, postings FROM CURRENT_USER;

-- Each account as its postings and holds say it is, beside what is kept ready: where they differ, something is wrong.
CREATE VIEW account_sums AS
    SELECT a.account_id, a.kind, a.owner, a.currency, a.is_checked,
           coalesce(p.posted, 0)::bigint AS posted_minor, coalesce(h.held, 0)::bigint AS held_minor,
           coalesce(b.posted, 0)::bigint AS kept_posted_minor, coalesce(b.held, 0)::bigint AS kept_held_minor
    FROM accounts a
    LEFT JOIN (SELECT account_id, sum(amount_minor) AS posted FROM postings GROUP BY 1) p USING (account_id)
    LEFT JOIN (SELECT account_id, sum(amount_minor) AS held FROM holds WHERE status = 'pending' GROUP BY 1) h
        USING (account_id)
    LEFT JOIN (
        SELECT account_id, sum(posted) AS posted, sum(held) AS held FROM (
            SELECT account_id, posted_minor AS posted, held_minor AS held FROM balances
            UNION ALL SELECT account_id, amount_minor, 0 FROM balance_deltas) AS parts GROUP BY 1) b
        USING (account_id);

-- Posts transfers, all or none; those whose key is known are left out. Returns the ids of the new ones.
-- $1-$5 accounts, $6-$9 transfers, $10-$13 postings, each column an array. Rows are taken in one order throughout, so
-- that two batches never wait for each other in a circle.
CREATE FUNCTION post_transfers(
    a_id uuid[], a_kind text[], a_owner text[], a_currency text[], a_checked boolean[],
    t_id uuid[], t_kind text[], t_key text[], t_subject uuid[],
    p_transfer uuid[], p_account uuid[], p_currency text[], p_amount bigint[]
) RETURNS uuid[] LANGUAGE plpgsql
SET enable_seqscan = off   -- its plans are kept: one that was made while a table was small would be slow for ever
AS $$
DECLARE
    fresh uuid[];
BEGIN
    INSERT INTO accounts (account_id, kind, owner, currency, is_checked)
        SELECT * FROM unnest(a_id, a_kind, a_owner, a_currency, a_checked) AS a (id) ORDER BY id
        ON CONFLICT DO NOTHING;
    WITH added AS (
        INSERT INTO transfers (transfer_id, kind, key, subject)
            SELECT * FROM unnest(t_id, t_kind, t_key, t_subject) AS t (id, kind, key) ORDER BY key
            ON CONFLICT (key) DO NOTHING RETURNING transfer_id
    ) SELECT coalesce(array_agg(transfer_id), '{}') INTO fresh FROM added;
    IF fresh = '{}' THEN
        RETURN fresh;
    END IF;
    INSERT INTO postings (transfer_id, account_id, currency, amount_minor)
        SELECT * FROM unnest(p_transfer, p_account, p_currency, p_amount) AS p (transfer, account, currency, amount)
        WHERE transfer = ANY(fresh);
    INSERT INTO balances (account_id, is_checked, posted_minor)
        SELECT id, true, 0 FROM unnest(a_id, a_checked) AS a (id, checked) WHERE checked ORDER BY id
        ON CONFLICT DO NOTHING;
    PERFORM FROM balances WHERE account_id = ANY(a_id) AND is_checked ORDER BY account_id FOR UPDATE;
    UPDATE balances b SET posted_minor = posted_minor + change
        FROM (
            SELECT account, sum(amount) AS change
            FROM unnest(p_transfer, p_account, p_amount) AS p (transfer, account, amount)
            WHERE transfer = ANY(fresh) GROUP BY account
        ) AS changes
        WHERE b.account_id = account AND is_checked;
    INSERT INTO balance_deltas (account_id, amount_minor)
        SELECT account, sum(amount)
        FROM unnest(p_transfer, p_account, p_amount) AS p (transfer, account, amount)
        JOIN unnest(a_id, a_checked) AS a (id, checked) ON a.id = p.account
        WHERE transfer = ANY(fresh) AND NOT checked GROUP BY account;
    RETURN fresh;
END $$;
