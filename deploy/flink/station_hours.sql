-- The view station-hours in Flink SQL, from the same topic as services/analytics folds it.
-- The three placeholders are filled in by `./forecourt compare-flink`; on a cluster the SQL client's own configuration does it.
-- Bounded and in batch mode it ends with the topic as it is now. For a stream leave out 'scan.bounded.mode' and write
-- the last SELECT into an upsert-kafka or MongoDB sink whose key is `bucket`.

CREATE TABLE order_events (
    station_id STRING, operator STRING, currency STRING, `mode` STRING, occurred_at STRING, driver_id STRING,
    volume_ml BIGINT, gross_minor BIGINT, paid_minor BIGINT, amount_minor BIGINT,
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

-- A discount is what the pump price and the payment differ by. Prepaid fuel counts when it is there.
SELECT
    CONCAT(station_id, '|', SUBSTRING(occurred_at, 1, 13), 'Z|', currency) AS bucket,
    COUNT(*) FILTER (WHERE type LIKE '%OrderPaid.v1') AS orders,
    COALESCE(SUM(
        CASE
            WHEN type LIKE '%OrderPaid.v1' AND `mode` <> 'prepaid' THEN volume_ml
            WHEN type LIKE '%OrderCompleted.v1' AND `mode` = 'prepaid' THEN COALESCE(volume_ml, 0)
            WHEN type LIKE '%OrderRefunded.v1' THEN -COALESCE(volume_ml, 0)
            ELSE 0
        END
    ), 0) AS volume_ml,
    COALESCE(SUM(gross_minor) FILTER (WHERE type LIKE '%OrderPaid.v1'), 0) AS gross_minor,
    COALESCE(SUM(gross_minor - paid_minor) FILTER (WHERE type LIKE '%OrderPaid.v1'), 0) AS discount_minor,
    COALESCE(SUM(paid_minor) FILTER (WHERE type LIKE '%OrderPaid.v1'), 0) AS paid_minor,
    COUNT(*) FILTER (WHERE type LIKE '%OrderRefunded.v1') AS refunds,
    COALESCE(SUM(amount_minor) FILTER (WHERE type LIKE '%OrderRefunded.v1'), 0) AS refunded_minor
FROM facts
GROUP BY station_id, SUBSTRING(occurred_at, 1, 13), currency;
