-- DuckDb: visits [2023-06-01, 2025-02-01)
SELECT t1."dim_tier" AS "visitor__tier", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", "visitor_id" AS "key_visitor", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-05-31 10:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-31 10:00:00' AND CAST("month" AS DATE) >= DATE '2023-05-01' AND CAST("month" AS DATE) <= DATE '2025-01-31'
) AS t0
LEFT JOIN (
  SELECT "since" AS "dim_since", "tier" AS "dim_tier", "until" AS "dim_until", "visitor_id" AS "key_visitor"
  FROM "memberships" AS s
) AS t1 ON (t0."key_visitor" = t1."key_visitor" AND CAST(t1."dim_since" AS DATE) <= CAST(CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2023-10-29 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-10-27 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) ELSE (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) END AS DATE) AND (CAST(t1."dim_until" AS DATE) IS NULL OR CAST(CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2023-10-29 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-10-27 01:00:00' THEN (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) ELSE (CAST(t0."dim_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) END AS DATE) < CAST(t1."dim_until" AS DATE)))
GROUP BY 1;

-- DuckDb: plays [2023-06-01, 2025-02-01)
SELECT t1."dim_tier" AS "visitor__tier", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-06-01' AND CAST("played_on" AS DATE) < DATE '2025-02-01'
) AS t0
LEFT JOIN (
  SELECT "since" AS "dim_since", "tier" AS "dim_tier", "until" AS "dim_until", "visitor_id" AS "key_visitor"
  FROM "memberships" AS s
) AS t1 ON (t0."key_visitor" = t1."key_visitor" AND CAST(t1."dim_since" AS DATE) <= CAST(t0."dim_played_on" AS DATE) AND (CAST(t1."dim_until" AS DATE) IS NULL OR CAST(t0."dim_played_on" AS DATE) < CAST(t1."dim_until" AS DATE)))
GROUP BY 1;

-- Athena: visits [2023-06-01, 2025-02-01)
SELECT t1."dim_tier" AS "visitor__tier", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", "visitor_id" AS "key_visitor", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2023-05-31 10:00:00' AND CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2025-01-31 10:00:00' AND CAST("month" AS DATE) >= DATE '2023-05-01' AND CAST("month" AS DATE) <= DATE '2025-01-31'
) AS t0
LEFT JOIN (
  SELECT "since" AS "dim_since", "tier" AS "dim_tier", "until" AS "dim_until", "visitor_id" AS "key_visitor"
  FROM "memberships" AS s
) AS t1 ON (t0."key_visitor" = t1."key_visitor" AND CAST(t1."dim_since" AS DATE) <= CAST(CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2023-10-29 01:00:00' THEN date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN date_add('second', 3600, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-10-27 01:00:00' THEN date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) ELSE date_add('second', 3600, CAST(t0."dim_at" AS TIMESTAMP)) END AS DATE) AND (CAST(t1."dim_until" AS DATE) IS NULL OR CAST(CASE WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2023-10-29 01:00:00' THEN date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-03-31 01:00:00' THEN date_add('second', 3600, CAST(t0."dim_at" AS TIMESTAMP)) WHEN CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2024-10-27 01:00:00' THEN date_add('second', 7200, CAST(t0."dim_at" AS TIMESTAMP)) ELSE date_add('second', 3600, CAST(t0."dim_at" AS TIMESTAMP)) END AS DATE) < CAST(t1."dim_until" AS DATE)))
GROUP BY 1;

-- Athena: plays [2023-06-01, 2025-02-01)
SELECT t1."dim_tier" AS "visitor__tier", sum(t0."value_play_sum") AS "l1_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2023-06-01' AND CAST("played_on" AS DATE) < DATE '2025-02-01'
) AS t0
LEFT JOIN (
  SELECT "since" AS "dim_since", "tier" AS "dim_tier", "until" AS "dim_until", "visitor_id" AS "key_visitor"
  FROM "memberships" AS s
) AS t1 ON (t0."key_visitor" = t1."key_visitor" AND CAST(t1."dim_since" AS DATE) <= CAST(t0."dim_played_on" AS DATE) AND (CAST(t1."dim_until" AS DATE) IS NULL OR CAST(t0."dim_played_on" AS DATE) < CAST(t1."dim_until" AS DATE)))
GROUP BY 1;

