-- Paying with fuel cards: a group of orders in one statement, which is its own transaction. What each order, card and
-- transfer becomes has been decided already; here it is written if all is still as it was then, or nothing of it is.

CREATE TYPE ledger_columns AS (          -- the arguments of post_transfers
    a_id uuid[], a_kind text[], a_owner text[], a_currency text[], a_checked boolean[],
    t_id uuid[], t_kind text[], t_key text[], t_subject uuid[],
    p_transfer uuid[], p_account uuid[], p_currency text[], p_amount bigint[]
);

-- Writes one charge that was found to be possible.
CREATE FUNCTION charge_card(entry jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    the_order CONSTANT uuid := (entry->>'order_id')::uuid;
    the_card CONSTANT uuid := (entry->>'card_id')::uuid;
    columns ledger_columns;
BEGIN
    UPDATE orders o SET (
            version, status, method, card_id, coupon_ids, points, discount_minor, breakdown, reservation_id,
            gross_minor, authorised_minor, paid_minor, waiting_since, paid_at
        ) = (
            n.version, n.status, n.method, n.card_id, n.coupon_ids, n.points, n.discount_minor, n.breakdown,
            n.reservation_id, n.gross_minor, n.authorised_minor, n.paid_minor, n.waiting_since, n.paid_at
        )
        FROM jsonb_to_record(entry->'order') AS n (
            version bigint, status text, method text, card_id uuid, coupon_ids text[], points bigint,
            discount_minor bigint, breakdown jsonb, reservation_id uuid, gross_minor bigint, authorised_minor bigint,
            paid_minor bigint, waiting_since timestamptz, paid_at timestamptz
        )
        WHERE o.order_id = the_order;
    INSERT INTO order_steps (order_id, version, command, before, after, actor, at, details)
        SELECT the_order, s.version, s.command, s.before, s.after, s.actor, s.at, s.details
        FROM jsonb_to_recordset(entry->'steps') AS s (
            version bigint, command text, before text, after text, actor text, at timestamptz, details jsonb
        ) ORDER BY s.version;
    IF the_card IS NOT NULL THEN
        UPDATE cards SET version = version + 1 WHERE card_id = the_card;
        INSERT INTO card_uses (order_id, card_id, used_at, amount_minor, volume_ml)
            SELECT the_order, the_card, u.used_at, u.amount_minor, u.volume_ml
            FROM jsonb_to_record(entry->'use') AS u (used_at timestamptz, amount_minor bigint, volume_ml bigint)
            ON CONFLICT (order_id) DO UPDATE SET (card_id, used_at, amount_minor, volume_ml)
                = (excluded.card_id, excluded.used_at, excluded.amount_minor, excluded.volume_ml);
    END IF;
    IF entry->'ledger' <> 'null' THEN
        columns := jsonb_populate_record(NULL::ledger_columns, entry->'ledger');
        PERFORM post_transfers(
            columns.a_id, columns.a_kind, columns.a_owner, columns.a_currency, columns.a_checked,
            columns.t_id, columns.t_kind, columns.t_key, columns.t_subject,
            columns.p_transfer, columns.p_account, columns.p_currency, columns.p_amount
        );
    END IF;
    IF entry->'hold' <> 'null' THEN
        INSERT INTO holds (hold_id, account_id, amount_minor, key, subject, expires_at)
            SELECT h.hold_id, h.account_id, h.amount_minor, h.key, the_order, h.expires_at
            FROM jsonb_to_record(entry->'hold') AS h (
                hold_id uuid, account_id uuid, amount_minor bigint, key text, expires_at timestamptz
            );
        UPDATE balances SET held_minor = held_minor + (entry->>'amount_minor')::bigint
            WHERE account_id = (entry->>'account_id')::uuid;
    END IF;
    INSERT INTO outbox (topic, key, type, payload, traceparent)
        SELECT e.topic, e.key, e.type, convert_to(e.payload, 'UTF8'), e.traceparent
        FROM jsonb_to_recordset(entry->'events') AS e (topic text, key text, type text, payload text, traceparent text);
    INSERT INTO idempotency_keys (caller, route, key, request_hash, status, reply)
        SELECT k.caller, k.route, k.key, decode(k.request_hash, 'hex'), k.status, convert_to(k.reply, 'UTF8')
        FROM jsonb_to_record(entry->'request') AS k (
            caller text, route text, key text, request_hash text, status int, reply text
        );
    PERFORM pg_notify('orders', notice) FROM jsonb_array_elements_text(entry->'notices') AS notice;
    PERFORM pg_notify('outbox', '');
END $$;

-- What became of each charge, in their order: `done`; `again` with the row of its key, which is known; `gone`: the
-- person was erased; `changed`: order or card is not as it was when the charge was decided; `insufficient`.
CREATE FUNCTION charge_cards(entries jsonb)
RETURNS TABLE (outcome text, request_hash bytea, status int, reply bytea, created_at timestamptz)
LANGUAGE plpgsql AS $$
DECLARE
    entry jsonb;
    drivers text[]; order_ids uuid[]; card_ids uuid[]; account_ids uuid[];
BEGIN
    SELECT array_agg(DISTINCT one->>'driver_id'), array_agg((one->>'order_id')::uuid),
           array_agg((one->>'card_id')::uuid), array_agg((one->>'account_id')::uuid)
        INTO drivers, order_ids, card_ids, account_ids FROM jsonb_array_elements(entries) AS one;
    -- Whatever is locked is locked in this order by everybody: people, orders, cards, accounts, each by its number.
    PERFORM pg_advisory_xact_lock(turn) FROM (
        SELECT DISTINCT hashtextextended(current_schema() || '.person.' || driver, 3) AS turn
        FROM unnest(drivers) AS driver ORDER BY turn) AS turns;
    PERFORM FROM orders o WHERE o.order_id = ANY(order_ids) ORDER BY o.order_id FOR UPDATE;
    PERFORM FROM cards c WHERE c.card_id = ANY(card_ids) ORDER BY c.card_id FOR UPDATE;
    PERFORM FROM balances b WHERE b.account_id = ANY(account_ids) ORDER BY b.account_id FOR UPDATE;
    FOR entry IN SELECT value FROM jsonb_array_elements(entries) LOOP
        SELECT k.request_hash, k.status, k.reply, k.created_at INTO request_hash, status, reply, created_at
            FROM idempotency_keys k
            WHERE (k.caller, k.route, k.key)
                = (entry->'request'->>'caller', entry->'request'->>'route', entry->'request'->>'key');
        IF FOUND THEN
            outcome := 'again';
        ELSIF EXISTS (SELECT FROM erasures e WHERE e.subject = entry->>'driver_id') THEN
            outcome := 'gone';
        ELSIF NOT EXISTS (
            SELECT FROM orders o WHERE (o.order_id, o.version, o.driver_id)
                = ((entry->>'order_id')::uuid, (entry->>'order_version')::bigint, entry->>'driver_id')
        ) OR entry->>'card_id' IS NOT NULL AND NOT EXISTS (
            SELECT FROM cards c
            WHERE (c.card_id, c.version) = ((entry->>'card_id')::uuid, (entry->>'card_version')::bigint)
        ) THEN
            outcome := 'changed';
        ELSIF entry->>'account_id' IS NOT NULL AND NOT EXISTS (
            SELECT FROM balances b WHERE b.account_id = (entry->>'account_id')::uuid
                AND b.posted_minor - b.held_minor >= (entry->>'amount_minor')::bigint
        ) THEN
            outcome := 'insufficient';
        ELSE
            PERFORM charge_card(entry);
            outcome := 'done';
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;
