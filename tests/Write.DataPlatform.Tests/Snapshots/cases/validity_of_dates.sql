-- DuckDb: hires [2024-03-31, 2024-04-02)
SELECT CAST(t0."dim_hired_on" AS DATE) AS "metric_time__day", t1."dim_label" AS "spell__label", sum(CASE WHEN t0."value_hire_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_hire_rows__count"
FROM (
  SELECT (CAST(DATE '2024-03-31' + CAST(plays % 2 AS INTEGER) AS DATE)) AS "dim_hired_on", ('s') AS "key_spell", (1) AS "value_hire_rows"
  FROM "plays" AS s
  WHERE CAST((CAST(DATE '2024-03-31' + CAST(plays % 2 AS INTEGER) AS DATE)) AS DATE) >= DATE '2024-03-31' AND CAST((CAST(DATE '2024-03-31' + CAST(plays % 2 AS INTEGER) AS DATE)) AS DATE) < DATE '2024-04-02'
) AS t0
LEFT JOIN (
  SELECT (CASE code WHEN 'de' THEN TIMESTAMP '2020-01-01' ELSE TIMESTAMP '2024-03-30 22:30:00' END) AS "dim_begun_at", (CASE code WHEN 'de' THEN TIMESTAMP '2024-03-30 22:30:00' END) AS "dim_ended_at", "code" AS "dim_label", (CASE WHEN code IN ('de', 'jp') THEN 's' END) AS "key_spell"
  FROM "lands" AS s
) AS t1 ON (t0."key_spell" = t1."key_spell" AND CAST(t1."dim_begun_at" AS TIMESTAMP) <= CASE WHEN CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP) < TIMESTAMP '2024-03-31 03:00:00' THEN (CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP) + INTERVAL (-3600) SECOND) ELSE (CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP) + INTERVAL (-7200) SECOND) END AND (CAST(t1."dim_ended_at" AS TIMESTAMP) IS NULL OR CASE WHEN CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP) < TIMESTAMP '2024-03-31 03:00:00' THEN (CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP) + INTERVAL (-3600) SECOND) ELSE (CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP) + INTERVAL (-7200) SECOND) END < CAST(t1."dim_ended_at" AS TIMESTAMP)))
GROUP BY 1, 2;

-- Athena: hires [2024-03-31, 2024-04-02)
SELECT CAST(t0."dim_hired_on" AS DATE) AS "metric_time__day", t1."dim_label" AS "spell__label", sum(CASE WHEN t0."value_hire_rows" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_hire_rows__count"
FROM (
  SELECT (CAST(DATE '2024-03-31' + CAST(plays % 2 AS INTEGER) AS DATE)) AS "dim_hired_on", ('s') AS "key_spell", (1) AS "value_hire_rows"
  FROM "plays" AS s
  WHERE CAST((CAST(DATE '2024-03-31' + CAST(plays % 2 AS INTEGER) AS DATE)) AS DATE) >= DATE '2024-03-31' AND CAST((CAST(DATE '2024-03-31' + CAST(plays % 2 AS INTEGER) AS DATE)) AS DATE) < DATE '2024-04-02'
) AS t0
LEFT JOIN (
  SELECT (CASE code WHEN 'de' THEN TIMESTAMP '2020-01-01' ELSE TIMESTAMP '2024-03-30 22:30:00' END) AS "dim_begun_at", (CASE code WHEN 'de' THEN TIMESTAMP '2024-03-30 22:30:00' END) AS "dim_ended_at", "code" AS "dim_label", (CASE WHEN code IN ('de', 'jp') THEN 's' END) AS "key_spell"
  FROM "lands" AS s
) AS t1 ON (t0."key_spell" = t1."key_spell" AND CAST(t1."dim_begun_at" AS TIMESTAMP) <= CASE WHEN CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP) < TIMESTAMP '2024-03-31 03:00:00' THEN date_add('second', -3600, CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP)) ELSE date_add('second', -7200, CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP)) END AND (CAST(t1."dim_ended_at" AS TIMESTAMP) IS NULL OR CASE WHEN CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP) < TIMESTAMP '2024-03-31 03:00:00' THEN date_add('second', -3600, CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP)) ELSE date_add('second', -7200, CAST(CAST(t0."dim_hired_on" AS DATE) AS TIMESTAMP)) END < CAST(t1."dim_ended_at" AS TIMESTAMP)))
GROUP BY 1, 2;

