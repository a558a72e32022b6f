-- The view station-hours in Flink SQL, from the same topic as services/analytics folds it.
-- The three placeholders are filled in by `./forecourt compare-flink`; on a cluster the SQL client's own configuration does it.
-- Bounded and in batch mode it ends with the topic as it is now. For a stream leave out 'scan.bounded.mode' and write
-- the last SELECT into an upsert-kafka or MongoDB sink whose key is `bucket`.

CREATE TABLE order_events (
    station_id STRING, operator STRING, currency STRING, `mode` STRING, occurred_at STRING, driver_id STRING,
    volume_ml BIGINT, gross_minor BIGINT, paid_minor BIGINT, used_minor BIGINT, amount_minor BIGINT, unused BOOLEAN,
    breakdown ARRAY<ROW<kind STRING, amount_minor BIGINT>>,
    headers MAP<STRING, BYTES> METADATA VIRTUAL
) WITH (
    'connector' = 'kafka',
    'topic' = 'payments.orders',
    'properties.bootstrap.servers' = '${bootstrap}',
    'properties.security.protocol' = 'SASL_PLAINTEXT',
    'properties.sasl.mechanism' = 'SCRAM-SHA-256',
    'properties.sasl.jaas.config' = 'org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule required username="${username}" password="${password}";',
    'properties.group.id' = '${username}.flink',
    'scan.startup.mode' = 'earliest-offset',
    'scan.bounded.mode' = 'latest-offset',
    'format' = 'json',
    'json.ignore-parse-errors' = 'true'
);

-- An event that comes twice is one fact. Flink keeps the ids in its state: give it a TTL longer than repeats take.
CREATE VIEW facts AS
SELECT * FROM (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY id ORDER BY occurred_at) AS place
    FROM (
        SELECT *, DECODE(headers['ce_id'], 'UTF-8') AS id, DECODE(headers['ce_type'], 'UTF-8') AS type
        FROM order_events
    )
    WHERE type IN (
        'forecourt.payments.OrderPaid.v1', 'forecourt.payments.OrderCompleted.v1',
        'forecourt.payments.OrderRefunded.v1'
    )
)
WHERE place = 1;

-- What a pump gave beyond what was authorised: nobody pays for it, and it is no discount.
CREATE VIEW over_dispensed AS
SELECT id AS over_id, SUM(part_minor) AS over_minor
FROM facts CROSS JOIN UNNEST(breakdown) AS part (kind, part_minor)
WHERE kind = 'over_dispensed'
GROUP BY id;

-- Sales and refunds of them. What was paid before fuelling is a sale when the pump had given fuel, of what that took;
-- that the rest went back is no refund.
CREATE VIEW books AS
SELECT
    station_id, occurred_at, currency, type LIKE '%OrderRefunded.v1' AS is_refund, amount_minor,
    COALESCE(volume_ml, 0) AS volume_ml,
    CASE WHEN `mode` = 'prepaid' THEN COALESCE(used_minor, paid_minor) ELSE gross_minor - COALESCE(over_minor, 0) END
        AS gross_minor,
    CASE WHEN `mode` = 'prepaid' THEN COALESCE(used_minor, paid_minor) ELSE paid_minor END AS paid_minor
FROM facts LEFT JOIN over_dispensed ON id = over_id
WHERE (type LIKE '%OrderPaid.v1' AND `mode` <> 'prepaid')
    OR (type LIKE '%OrderCompleted.v1' AND `mode` = 'prepaid' AND volume_ml > 0)
    OR (type LIKE '%OrderRefunded.v1' AND unused IS NOT TRUE);

-- A discount is what the pump price and the payment differ by.
SELECT
    CONCAT(station_id, '|', SUBSTRING(occurred_at, 1, 13), 'Z|', currency) AS bucket,
    COUNT(*) FILTER (WHERE NOT is_refund) AS orders,
    SUM(CASE WHEN is_refund THEN -volume_ml ELSE volume_ml END) AS volume_ml,
    COALESCE(SUM(gross_minor) FILTER (WHERE NOT is_refund), 0) AS gross_minor,
    COALESCE(SUM(gross_minor - paid_minor) FILTER (WHERE NOT is_refund), 0) AS discount_minor,
    COALESCE(SUM(paid_minor) FILTER (WHERE NOT is_refund), 0) AS paid_minor,
    COUNT(*) FILTER (WHERE is_refund) AS refunds,
    COALESCE(SUM(amount_minor) FILTER (WHERE is_refund), 0) AS refunded_minor
FROM books
GROUP BY station_id, SUBSTRING(occurred_at, 1, 13), currency;
