-- DuckDb: case_balance [2023-06-10, 2025-02-20)
SELECT sum(r."__value_case_entries") AS "l0_case_entries__sum", sum(CASE WHEN r."__counts_case_balance__momentrows" THEN r."__value_case_balance" END) AS "l0_case_balance__sum"
FROM (
  SELECT t0."value_case_entries" AS "__value_case_entries", t0."value_case_balance" AS "__value_case_balance", CAST(t0."dim_case_day" AS DATE) = max(CAST(t0."dim_case_day" AS DATE)) OVER () AS "__counts_case_balance__momentrows"
  FROM (
    SELECT "played_on" AS "dim_case_day", "show_id" AS "dim_case_show", "plays" AS "value_case_balance", "minutes" AS "value_case_entries"
    FROM "plays" AS s
    WHERE CAST("played_on" AS DATE) >= DATE '2023-06-10' AND CAST("played_on" AS DATE) < DATE '2025-02-20'
  ) AS t0
  WHERE t0."dim_case_show" >= 1
) AS r;

-- Athena: case_balance [2023-06-10, 2025-02-20)
SELECT sum(r."__value_case_entries") AS "l0_case_entries__sum", sum(CASE WHEN r."__counts_case_balance__momentrows" THEN r."__value_case_balance" END) AS "l0_case_balance__sum"
FROM (
  SELECT t0."value_case_entries" AS "__value_case_entries", t0."value_case_balance" AS "__value_case_balance", CAST(t0."dim_case_day" AS DATE) = max(CAST(t0."dim_case_day" AS DATE)) OVER () AS "__counts_case_balance__momentrows"
  FROM (
    SELECT "played_on" AS "dim_case_day", "show_id" AS "dim_case_show", "plays" AS "value_case_balance", "minutes" AS "value_case_entries"
    FROM "plays" AS s
    WHERE CAST("played_on" AS DATE) >= DATE '2023-06-10' AND CAST("played_on" AS DATE) < DATE '2025-02-20'
  ) AS t0
  WHERE t0."dim_case_show" >= 1
) AS r;

