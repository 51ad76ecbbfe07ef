-- DuckDb: visits […, …)
SELECT date_part('isodow', CAST(timezone('America/New_York', timezone('UTC', CAST(t0."dim_at" AS TIMESTAMP))) AS DATE)) AS "metric_time__extract_dow", date_part('quarter', CAST(date_trunc('quarter', timezone('America/New_York', timezone('UTC', CAST(t0."dim_ended_at" AS TIMESTAMP)))) AS DATE)) AS "visit__ended_at__extract_quarter", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", "ended_at" AS "dim_ended_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
WHERE date_part('month', CAST(date_trunc('month', timezone('America/New_York', timezone('UTC', CAST(t0."dim_at" AS TIMESTAMP)))) AS DATE)) <= 6
GROUP BY 1, 2;

-- Athena: visits […, …)
SELECT day_of_week(CAST(CAST(at_timezone(with_timezone(CAST(t0."dim_at" AS TIMESTAMP), 'UTC'), 'America/New_York') AS TIMESTAMP) AS DATE)) AS "metric_time__extract_dow", quarter(CAST(date_trunc('quarter', CAST(at_timezone(with_timezone(CAST(t0."dim_ended_at" AS TIMESTAMP), 'UTC'), 'America/New_York') AS TIMESTAMP)) AS DATE)) AS "visit__ended_at__extract_quarter", sum(CASE WHEN t0."value_visit_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_visit_rows__count"
FROM (
  SELECT "started_at" AS "dim_at", "ended_at" AS "dim_ended_at", (1) AS "value_visit_rows"
  FROM "visits" AS s
  WHERE CAST("started_at" AS TIMESTAMP) IS NOT NULL
) AS t0
WHERE month(CAST(date_trunc('month', CAST(at_timezone(with_timezone(CAST(t0."dim_at" AS TIMESTAMP), 'UTC'), 'America/New_York') AS TIMESTAMP)) AS DATE)) <= 6
GROUP BY 1, 2;

