-- DuckDb: plays [2024-01-01, 2025-01-01)
SELECT CAST(t0."dim_played_on" AS DATE) AS "metric_time__day", t1."dim_plan" AS "visitor__plan", sum(t0."value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2024-01-01' AND CAST("played_on" AS DATE) < DATE '2025-01-01'
) AS t0
LEFT JOIN (
  SELECT "plan" AS "dim_plan", "visitor_id" AS "key_visitor"
  FROM "visitors" AS s
) AS t1 ON t0."key_visitor" = t1."key_visitor"
WHERE CAST(t0."dim_played_on" AS DATE) >= DATE '2024-02-05'
GROUP BY 1, 2;

-- Athena: plays [2024-01-01, 2025-01-01)
SELECT CAST(t0."dim_played_on" AS DATE) AS "metric_time__day", t1."dim_plan" AS "visitor__plan", sum(t0."value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor", "plays" AS "value_play_sum"
  FROM "plays" AS s
  WHERE CAST("played_on" AS DATE) >= DATE '2024-01-01' AND CAST("played_on" AS DATE) < DATE '2025-01-01'
) AS t0
LEFT JOIN (
  SELECT "plan" AS "dim_plan", "visitor_id" AS "key_visitor"
  FROM "visitors" AS s
) AS t1 ON t0."key_visitor" = t1."key_visitor"
WHERE CAST(t0."dim_played_on" AS DATE) >= DATE '2024-02-05'
GROUP BY 1, 2;

