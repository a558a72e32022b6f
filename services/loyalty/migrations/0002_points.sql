-- Points: transfers whose postings sum to zero, never changed; lots and balances that can be made anew from them; uses.

-- Each transfer is one driver's: an entry of that driver's account against one counter account. `version`, `points` and
-- `balance` say what it did to the account, so that a statement needs no sum.
CREATE TABLE transfers (
    transfer_id   uuid PRIMARY KEY,
    key           text NOT NULL UNIQUE,   -- its business identity: points move once for it
    driver_id     text NOT NULL,
    version       bigint NOT NULL CHECK (version > 0),
    kind          text NOT NULL,
    reason        text NOT NULL,
    points        bigint NOT NULL CHECK (points <> 0),
    balance       bigint NOT NULL,        -- of the account, after it
    order_id      uuid,
    gift_order_id uuid,
    at            timestamptz NOT NULL,
    UNIQUE (driver_id, version)
);

CREATE TABLE lots (                     -- points of one driver that expire together
    lot_id     uuid PRIMARY KEY,
    driver_id  text NOT NULL,
    remaining  bigint NOT NULL,
    held       bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
    expires_at timestamptz,             -- NULL: the driver's debt, which never expires
    order_id   uuid,                    -- that earned them
    warned_at  timestamptz,             -- when the driver was told that they expire soon
    CONSTRAINT only_debt_is_below_zero CHECK (CASE WHEN expires_at IS NULL THEN remaining <= 0 ELSE remaining >= 0 END)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX one_debt_of_driver ON lots (driver_id) WHERE expires_at IS NULL;
CREATE INDEX lots_of_driver ON lots (driver_id) WHERE remaining <> 0 OR held <> 0 OR expires_at IS NULL;
CREATE INDEX lots_to_expire ON lots (expires_at) WHERE remaining > 0;

CREATE TABLE postings (
    posting_id  bigint GENERATED ALWAYS AS IDENTITY,
    transfer_id uuid NOT NULL,
    account     text NOT NULL,          -- driver, or a counter account: issued, redeemed, expired, reversed ...
    lot_id      uuid,
    points      bigint NOT NULL CHECK (points <> 0),
    PRIMARY KEY (transfer_id, posting_id),
    CONSTRAINT each_of_a_driver_names_its_lot CHECK ((account = 'driver') = (lot_id IS NOT NULL))
);
CREATE INDEX postings_of_lot ON postings (lot_id) WHERE lot_id IS NOT NULL;

CREATE TABLE point_uses (               -- points that are set aside or were spent, once for each key
    key        text PRIMARY KEY,
    driver_id  text NOT NULL,
    points     bigint NOT NULL CHECK (points > 0),
    status     text NOT NULL CHECK (status IN ('held', 'released', 'spent')),
    given_back bigint NOT NULL DEFAULT 0 CHECK (given_back BETWEEN 0 AND points),
    made_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT only_what_was_spent_is_given_back CHECK (given_back = 0 OR status = 'spent')
) WITH (fillfactor = 80);
CREATE INDEX point_uses_of_driver ON point_uses (driver_id);

CREATE TABLE point_use_parts (          -- the lots that they are of
    key        text NOT NULL REFERENCES point_uses,
    lot_id     uuid NOT NULL,
    points     bigint NOT NULL CHECK (points > 0),
    expires_at timestamptz,             -- the lot's
    PRIMARY KEY (key, lot_id)
);

-- Each statement's postings must balance for each transfer that they belong to, so all of a transfer's do, always; and
-- what they do to a driver's lots is what the transfer says.
CREATE FUNCTION require_balance() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM added GROUP BY transfer_id HAVING sum(points) <> 0) THEN
        RAISE EXCEPTION 'the postings of a transfer must sum to zero' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (
        SELECT FROM added a LEFT JOIN transfers t USING (transfer_id) LEFT JOIN lots l USING (lot_id)
        GROUP BY a.transfer_id, t.points
        HAVING t.points IS NULL OR t.points IS DISTINCT FROM sum(a.points) FILTER (WHERE a.account = 'driver')
               OR bool_or(a.account = 'driver' AND l.driver_id IS DISTINCT FROM t.driver_id)
    ) THEN
        RAISE EXCEPTION 'a posting names no transfer, or no lot of its driver, or other points than its transfer'
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
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON postings
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_ledger();
-- Also in a session that plays a replica, for which triggers are off.
ALTER TABLE transfers ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE postings ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE postings ENABLE ALWAYS TRIGGER balanced;
REVOKE UPDATE, DELETE, TRUNCATE ON transfers, postings FROM CURRENT_USER;

-- Each driver's points three times over: where they differ, something is wrong.
CREATE VIEW point_sums AS
    SELECT driver_id, coalesce(m.balance, 0) AS balance, coalesce(l.points, 0)::bigint AS of_lots,
           coalesce(p.points, 0)::bigint AS of_postings
    FROM members m
    FULL JOIN (SELECT driver_id, sum(remaining) AS points FROM lots GROUP BY 1) l USING (driver_id)
    FULL JOIN (
        SELECT t.driver_id, sum(p.points) AS points FROM postings p JOIN transfers t USING (transfer_id)
        WHERE p.account = 'driver' GROUP BY 1) p USING (driver_id);

-- Posts transfers, all or none. $1-$8 transfers, in order; $9-$12 lots that are new; $13-$16 postings, each column an
-- array. The caller has locked the members' rows. Returns what each did to its account.
CREATE FUNCTION post_points(
    t_id uuid[], t_key text[], t_driver text[], t_kind text[], t_reason text[], t_order uuid[], t_gift uuid[],
    t_at timestamptz[],
    l_id uuid[], l_driver text[], l_expires timestamptz[], l_order uuid[],
    p_transfer uuid[], p_account text[], p_lot uuid[], p_points bigint[]
) RETURNS TABLE (transfer_id uuid, version bigint, balance bigint) LANGUAGE plpgsql
SET enable_seqscan = off   -- its plans are kept: one that was made while a table was small would be slow for ever
AS $$
#variable_conflict use_column
BEGIN
    INSERT INTO lots (lot_id, driver_id, remaining, expires_at, order_id)
        SELECT id, driver, change, expires, order_id
        FROM unnest(l_id, l_driver, l_expires, l_order) AS l (id, driver, expires, order_id)
        JOIN (SELECT lot, sum(points) AS change FROM unnest(p_lot, p_points) AS p (lot, points) GROUP BY lot) AS p
            ON lot = id;
    UPDATE lots SET remaining = remaining + change
        FROM (SELECT lot, sum(points) AS change FROM unnest(p_lot, p_points) AS p (lot, points) GROUP BY lot) AS changes
        WHERE lot_id = lot AND NOT EXISTS (SELECT FROM unnest(l_id) AS id WHERE id = lot);
    RETURN QUERY
        WITH given AS (
            SELECT t.*, p.points, row_number() OVER (PARTITION BY driver ORDER BY place) AS nth,
                   sum(p.points) OVER (PARTITION BY driver ORDER BY place) AS so_far
            FROM unnest(t_id, t_key, t_driver, t_kind, t_reason, t_order, t_gift, t_at) WITH ORDINALITY
                 AS t (id, key, driver, kind, reason, order_id, gift, at, place)
            JOIN (
                SELECT transfer, sum(points) AS points
                FROM unnest(p_transfer, p_account, p_points) AS p (transfer, account, points)
                WHERE account = 'driver' GROUP BY transfer
            ) AS p ON p.transfer = t.id
        ), changed AS (
            UPDATE members m SET balance = m.balance + total, version = m.version + number
            FROM (SELECT driver, sum(points) AS total, count(*) AS number FROM given GROUP BY driver) AS g
            WHERE m.driver_id = g.driver
            RETURNING m.driver_id, m.version - number AS version, m.balance - total AS balance
        )
        INSERT INTO transfers (transfer_id, key, driver_id, version, kind, reason, points, balance, order_id,
                               gift_order_id, at)
            SELECT id, key, driver, c.version + nth, kind, reason, points, c.balance + so_far, order_id, gift, at
            FROM given JOIN changed c ON c.driver_id = driver ORDER BY place
            RETURNING transfer_id, version, balance;
    INSERT INTO postings (transfer_id, account, lot_id, points)
        SELECT * FROM unnest(p_transfer, p_account, p_lot, p_points);
END $$;
