-- DuckDb: visits […, …)
SELECT CAST(date_trunc('month', timezone('Asia/Kolkata', timezone('UTC', CAST(t0."dim_ended_at" AS TIMESTAMP)))) AS DATE) AS "visit__ended_at__month", t0."dim_device" AS "visit__device"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "ended_at" AS "dim_ended_at"
  FROM "visits" AS s
) AS t0
WHERE CAST(t0."dim_at" AS TIMESTAMP) IS NULL
GROUP BY 1, 2;

-- Athena: visits […, …)
SELECT CAST(date_trunc('month', CAST(at_timezone(with_timezone(CAST(t0."dim_ended_at" AS TIMESTAMP), 'UTC'), 'Asia/Kolkata') AS TIMESTAMP)) AS DATE) AS "visit__ended_at__month", t0."dim_device" AS "visit__device"
FROM (
  SELECT "started_at" AS "dim_at", "device" AS "dim_device", "ended_at" AS "dim_ended_at"
  FROM "visits" AS s
) AS t0
WHERE CAST(t0."dim_at" AS TIMESTAMP) IS NULL
GROUP BY 1, 2;

