-- DuckDb: visits […, …)
SELECT CAST(date_trunc('month', CASE WHEN CAST(t0."dim_ended_at" AS TIMESTAMP) < TIMESTAMP '1990-01-01 00:00:00' THEN timezone('Asia/Kolkata', timezone('UTC', CAST(t0."dim_ended_at" AS TIMESTAMP))) WHEN CAST(t0."dim_ended_at" AS TIMESTAMP) >= TIMESTAMP '2041-01-01 00:00:00' THEN timezone('Asia/Kolkata', timezone('UTC', CAST(t0."dim_ended_at" AS TIMESTAMP))) ELSE (CAST(t0."dim_ended_at" AS TIMESTAMP) + INTERVAL (19800) SECOND) END) AS DATE) AS "visit__ended_at__month", t0."dim_device" AS "visit__device"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "ended_at" AS "dim_ended_at"
  FROM "visits" AS s
) AS t0
WHERE CAST(t0."dim_at" AS TIMESTAMP) IS NULL
GROUP BY 1, 2;

-- Athena: visits […, …)
SELECT CAST(date_trunc('month', CASE WHEN CAST(t0."dim_ended_at" AS TIMESTAMP) < TIMESTAMP '1990-01-01 00:00:00' THEN CAST(at_timezone(with_timezone(CAST(t0."dim_ended_at" AS TIMESTAMP), 'UTC'), 'Asia/Kolkata') AS TIMESTAMP) WHEN CAST(t0."dim_ended_at" AS TIMESTAMP) >= TIMESTAMP '2041-01-01 00:00:00' THEN CAST(at_timezone(with_timezone(CAST(t0."dim_ended_at" AS TIMESTAMP), 'UTC'), 'Asia/Kolkata') AS TIMESTAMP) ELSE date_add('second', 19800, CAST(t0."dim_ended_at" AS TIMESTAMP)) END) AS DATE) AS "visit__ended_at__month", t0."dim_device" AS "visit__device"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "ended_at" AS "dim_ended_at"
  FROM "visits" AS s
) AS t0
WHERE CAST(t0."dim_at" AS TIMESTAMP) IS NULL
GROUP BY 1, 2;

