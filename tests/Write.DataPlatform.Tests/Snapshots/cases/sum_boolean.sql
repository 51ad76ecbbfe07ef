-- DuckDb: visits [2024-01-01, 2025-01-01)
SELECT t0."dim_device" AS "visit__device", sum(CASE WHEN t0."value_bounce_count" THEN 1 ELSE 0 END) AS "l0_bounce_count__sum"
FROM (
  SELECT "device" AS "dim_device", "is_bounce" AS "value_bounce_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1;

-- Athena: visits [2024-01-01, 2025-01-01)
SELECT t0."dim_device" AS "visit__device", sum(CASE WHEN t0."value_bounce_count" THEN 1 ELSE 0 END) AS "l0_bounce_count__sum"
FROM (
  SELECT "device" AS "dim_device", "is_bounce" AS "value_bounce_count"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-01-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-01-01' AND CAST("month" AS DATE) <= DATE '2024-12-31'
) AS t0
GROUP BY 1;

