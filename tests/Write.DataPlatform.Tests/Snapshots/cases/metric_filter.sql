-- DuckDb: visits [2023-06-01, 2025-06-01)
SELECT t0."dim_country" AS "visit__country", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "visitor_id" AS "key_visitor", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-06-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-06-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-06-01' AND CAST("month" AS DATE) <= DATE '2025-05-31'
) AS t0
LEFT JOIN (
  SELECT u."visitor" AS "key", sum(u."l0_visit_rows__count") AS "value"
  FROM (
    SELECT t0."key_visitor" AS "visitor", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
    FROM (
      SELECT "visitor_id" AS "key_visitor", (1) AS "value_visit_rows"
      FROM "visits" AS s
      WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
    ) AS t0
    GROUP BY 1
  ) AS u
  GROUP BY 1
) AS k0 ON t0."key_visitor" = k0."key"
LEFT JOIN (
  SELECT u."visitor" AS "key", (CAST(sum(u."l0_second_mean__sum") AS DOUBLE) / NULLIF(sum(u."l0_second_mean__count"), 0)) AS "value"
  FROM (
    SELECT t0."key_visitor" AS "visitor", sum(t0."value_second_mean") AS "l0_second_mean__sum", sum(CASE WHEN t0."value_second_mean" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_second_mean__count"
    FROM (
      SELECT "visitor_id" AS "key_visitor", "seconds" AS "value_second_mean"
      FROM "visits" AS s
      WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
    ) AS t0
    GROUP BY 1
  ) AS u
  GROUP BY 1
) AS k1 ON t0."key_visitor" = k1."key"
WHERE (k0."value" >= 3 AND k1."value" > 1000)
GROUP BY 1;

-- Athena: visits [2023-06-01, 2025-06-01)
SELECT t0."dim_country" AS "visit__country", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "country" AS "dim_country", "visitor_id" AS "key_visitor", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-06-01 00:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-06-01 00:00:00' AND CAST("month" AS DATE) >= DATE '2023-06-01' AND CAST("month" AS DATE) <= DATE '2025-05-31'
) AS t0
LEFT JOIN (
  SELECT u."visitor" AS "key", sum(u."l0_visit_rows__count") AS "value"
  FROM (
    SELECT t0."key_visitor" AS "visitor", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
    FROM (
      SELECT "visitor_id" AS "key_visitor", (1) AS "value_visit_rows"
      FROM "visits" AS s
      WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
    ) AS t0
    GROUP BY 1
  ) AS u
  GROUP BY 1
) AS k0 ON t0."key_visitor" = k0."key"
LEFT JOIN (
  SELECT u."visitor" AS "key", (CAST(sum(u."l0_second_mean__sum") AS DOUBLE) / NULLIF(sum(u."l0_second_mean__count"), 0)) AS "value"
  FROM (
    SELECT t0."key_visitor" AS "visitor", sum(t0."value_second_mean") AS "l0_second_mean__sum", sum(CASE WHEN t0."value_second_mean" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_second_mean__count"
    FROM (
      SELECT "visitor_id" AS "key_visitor", "seconds" AS "value_second_mean"
      FROM "visits" AS s
      WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
    ) AS t0
    GROUP BY 1
  ) AS u
  GROUP BY 1
) AS k1 ON t0."key_visitor" = k1."key"
WHERE (k0."value" >= 3 AND k1."value" > 1000)
GROUP BY 1;

