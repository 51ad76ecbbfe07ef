-- DuckDb: visits [2020-01-01, 2026-01-01)
SELECT e."begun", e."after", sum(1) AS "came", sum(CASE WHEN e."__nth" = 1 THEN 1 ELSE 0 END) AS "entities"
FROM (
  SELECT e."begun", e."after", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."after" NULLS LAST) AS "__nth"
  FROM (
    SELECT e."__entity", greatest(0, date_diff('month', e."__since", DATE '2024-10-01')) AS "begun", date_diff('month', e."__bucket", r."__bucket") AS "after"
    FROM (
      SELECT e."__entity", e."__bucket", min(e."__bucket") OVER (PARTITION BY e."__entity") AS "__since"
      FROM (
        SELECT e."__entity", e."__bucket"
        FROM (
          SELECT e."__entity", e."__time", e."__bucket", e."__counts", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__time" NULLS LAST, e."__counts" DESC NULLS LAST) AS "__nth"
          FROM (
            SELECT t0."key_visitor" AS "__entity", CAST(t0."dim_at" AS TIMESTAMP) AS "__time", CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket", CASE WHEN (CAST(t0."dim_at" AS TIMESTAMP) >= TIMESTAMP '2020-01-01 00:00:00' AND CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2026-01-01 00:00:00') THEN 1 ELSE 0 END AS "__counts"
            FROM (
              SELECT "started_at" AS "dim_at", "visitor_id" AS "key_visitor"
              FROM "visits" AS s
              WHERE CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2026-01-01 00:00:00' AND CAST("month" AS DATE) <= DATE '2025-12-31'
            ) AS t0
            WHERE t0."key_visitor" IS NOT NULL
          ) AS e
        ) AS e
        WHERE e."__nth" = 1 AND e."__counts" = 1
        GROUP BY 1, 2
      ) AS e
    ) AS e
    LEFT JOIN (
      SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('month', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "__bucket"
      FROM (
        SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor"
        FROM "plays" AS s
        WHERE CAST("played_on" AS DATE) >= DATE '2020-01-01' AND CAST("played_on" AS DATE) < DATE '2026-01-01'
      ) AS t0
      WHERE t0."key_visitor" IS NOT NULL
      GROUP BY 1, 2
    ) AS r ON (r."__entity" = e."__entity" AND r."__bucket" >= e."__bucket")
    GROUP BY 1, 2, 3
  ) AS e
) AS e
GROUP BY 1, 2;

-- Athena: visits [2020-01-01, 2026-01-01)
SELECT e."begun", e."after", sum(1) AS "came", sum(CASE WHEN e."__nth" = 1 THEN 1 ELSE 0 END) AS "entities"
FROM (
  SELECT e."begun", e."after", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."after" NULLS LAST) AS "__nth"
  FROM (
    SELECT e."__entity", greatest(0, date_diff('month', e."__since", DATE '2024-10-01')) AS "begun", date_diff('month', e."__bucket", r."__bucket") AS "after"
    FROM (
      SELECT e."__entity", e."__bucket", min(e."__bucket") OVER (PARTITION BY e."__entity") AS "__since"
      FROM (
        SELECT e."__entity", e."__bucket"
        FROM (
          SELECT e."__entity", e."__time", e."__bucket", e."__counts", row_number() OVER (PARTITION BY e."__entity" ORDER BY e."__time" NULLS LAST, e."__counts" DESC NULLS LAST) AS "__nth"
          FROM (
            SELECT t0."key_visitor" AS "__entity", CAST(t0."dim_at" AS TIMESTAMP) AS "__time", CAST(date_trunc('month', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket", CASE WHEN (CAST(t0."dim_at" AS TIMESTAMP) >= TIMESTAMP '2020-01-01 00:00:00' AND CAST(t0."dim_at" AS TIMESTAMP) < TIMESTAMP '2026-01-01 00:00:00') THEN 1 ELSE 0 END AS "__counts"
            FROM (
              SELECT "started_at" AS "dim_at", "visitor_id" AS "key_visitor"
              FROM "visits" AS s
              WHERE CAST("started_at" AS TIMESTAMP) < TIMESTAMP '2026-01-01 00:00:00' AND CAST("month" AS DATE) <= DATE '2025-12-31'
            ) AS t0
            WHERE t0."key_visitor" IS NOT NULL
          ) AS e
        ) AS e
        WHERE e."__nth" = 1 AND e."__counts" = 1
        GROUP BY 1, 2
      ) AS e
    ) AS e
    LEFT JOIN (
      SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('month', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "__bucket"
      FROM (
        SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor"
        FROM "plays" AS s
        WHERE CAST("played_on" AS DATE) >= DATE '2020-01-01' AND CAST("played_on" AS DATE) < DATE '2026-01-01'
      ) AS t0
      WHERE t0."key_visitor" IS NOT NULL
      GROUP BY 1, 2
    ) AS r ON (r."__entity" = e."__entity" AND r."__bucket" >= e."__bucket")
    GROUP BY 1, 2, 3
  ) AS e
) AS e
GROUP BY 1, 2;

