-- DuckDb: plays [2023-06-10, 2025-02-20)
SELECT r."metric_time__month", sum(CASE WHEN r."__counts_last_play_sum__momentrows" THEN r."__value_last_play_sum" END) AS "l0_last_play_sum__sum", sum(r."__value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT CAST(date_trunc('month', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "metric_time__month", t0."value_last_play_sum" AS "__value_last_play_sum", CAST(t0."dim_played_on" AS DATE) = max(CAST(t0."dim_played_on" AS DATE)) OVER (PARTITION BY CAST(date_trunc('month', CAST(t0."dim_played_on" AS DATE)) AS DATE), t0."key_show") AS "__counts_last_play_sum__momentrows", t0."value_play_sum" AS "__value_play_sum"
  FROM (
    SELECT "played_on" AS "dim_played_on", "show_id" AS "key_show", "plays" AS "value_last_play_sum", "plays" AS "value_play_sum"
    FROM "plays" AS s
    WHERE CAST("played_on" AS DATE) >= DATE '2023-06-10' AND CAST("played_on" AS DATE) < DATE '2025-02-20'
  ) AS t0
) AS r
GROUP BY 1;

-- Athena: plays [2023-06-10, 2025-02-20)
SELECT r."metric_time__month", sum(CASE WHEN r."__counts_last_play_sum__momentrows" THEN r."__value_last_play_sum" END) AS "l0_last_play_sum__sum", sum(r."__value_play_sum") AS "l0_play_sum__sum"
FROM (
  SELECT CAST(date_trunc('month', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "metric_time__month", t0."value_last_play_sum" AS "__value_last_play_sum", CAST(t0."dim_played_on" AS DATE) = max(CAST(t0."dim_played_on" AS DATE)) OVER (PARTITION BY CAST(date_trunc('month', CAST(t0."dim_played_on" AS DATE)) AS DATE), t0."key_show") AS "__counts_last_play_sum__momentrows", t0."value_play_sum" AS "__value_play_sum"
  FROM (
    SELECT "played_on" AS "dim_played_on", "show_id" AS "key_show", "plays" AS "value_last_play_sum", "plays" AS "value_play_sum"
    FROM "plays" AS s
    WHERE CAST("played_on" AS DATE) >= DATE '2023-06-10' AND CAST("played_on" AS DATE) < DATE '2025-02-20'
  ) AS t0
) AS r
GROUP BY 1;

