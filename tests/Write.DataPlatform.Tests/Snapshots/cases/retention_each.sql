-- DuckDb: visits [2024-10-03, …)
SELECT e."visit__country", e."begun", e."after", sum(1) AS "came", sum(CASE WHEN e."__nth" = 1 THEN 1 ELSE 0 END) AS "entities"
FROM (
  SELECT e."visit__country", e."begun", e."after", row_number() OVER (PARTITION BY e."visit__country", e."__entity" ORDER BY e."after" NULLS LAST) AS "__nth"
  FROM (
    SELECT e."visit__country", e."__entity", greatest(0, date_diff('week', e."__since", z."__last")) AS "begun", date_diff('week', e."__bucket", r."__bucket") AS "after"
    FROM (
      SELECT e."visit__country", e."__entity", e."__bucket", min(e."__bucket") OVER (PARTITION BY e."visit__country", e."__entity") AS "__since"
      FROM (
        SELECT e."visit__country", e."__entity", e."__bucket"
        FROM (
          SELECT t0."key_visitor" AS "__entity", CAST(t0."dim_at" AS TIMESTAMP) AS "__time", CAST(date_trunc('week', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket", CASE WHEN (CAST(t0."dim_at" AS TIMESTAMP) >= TIMESTAMP '2024-10-03 00:00:00' AND t0."dim_score" > -5) THEN 1 ELSE 0 END AS "__counts", t0."dim_country" AS "visit__country"
          FROM (
            SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "score" AS "dim_score", "visitor_id" AS "key_visitor"
            FROM "visits" AS s
            WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-10-03 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-10-01'
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL AND t0."dim_device" IN ($1)
        ) AS e
        WHERE e."__counts" = 1
        GROUP BY 1, 2, 3
      ) AS e
    ) AS e
    LEFT JOIN (
      SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('week', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket"
      FROM (
        SELECT "started_at" AS "dim_at", "visitor_id" AS "key_visitor"
        FROM "visits" AS s
        WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-09-30 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-09-01'
      ) AS t0
      WHERE t0."key_visitor" IS NOT NULL
      GROUP BY 1, 2
      UNION ALL
      SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('week', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "__bucket"
      FROM (
        SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor"
        FROM "plays" AS s
        WHERE CAST("played_on" AS DATE) >= DATE '2024-09-30'
      ) AS t0
      WHERE t0."key_visitor" IS NOT NULL
      GROUP BY 1, 2
    ) AS r ON (r."__entity" = e."__entity" AND r."__bucket" >= e."__bucket")
    LEFT JOIN (
      SELECT max(e."__bucket") AS "__last"
      FROM (
        SELECT e."__bucket"
        FROM (
          SELECT t0."key_visitor" AS "__entity", CAST(t0."dim_at" AS TIMESTAMP) AS "__time", CAST(date_trunc('week', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket", CASE WHEN (CAST(t0."dim_at" AS TIMESTAMP) >= TIMESTAMP '2024-10-03 00:00:00' AND t0."dim_score" > -5) THEN 1 ELSE 0 END AS "__counts", t0."dim_country" AS "visit__country"
          FROM (
            SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "score" AS "dim_score", "visitor_id" AS "key_visitor"
            FROM "visits" AS s
            WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-10-03 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-10-01'
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL AND t0."dim_device" IN ($2)
        ) AS e
        UNION ALL
        SELECT e."__bucket"
        FROM (
          SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('week', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket"
          FROM (
            SELECT "started_at" AS "dim_at", "visitor_id" AS "key_visitor"
            FROM "visits" AS s
            WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-09-30 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-09-01'
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL
          GROUP BY 1, 2
          UNION ALL
          SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('week', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "__bucket"
          FROM (
            SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor"
            FROM "plays" AS s
            WHERE CAST("played_on" AS DATE) >= DATE '2024-09-30'
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL
          GROUP BY 1, 2
        ) AS e
      ) AS e
    ) AS z ON TRUE
    GROUP BY 1, 2, 3, 4
  ) AS e
) AS e
GROUP BY 1, 2, 3;
-- $1 = mobile
-- $2 = mobile

-- Athena: visits [2024-10-03, …)
SELECT e."visit__country", e."begun", e."after", sum(1) AS "came", sum(CASE WHEN e."__nth" = 1 THEN 1 ELSE 0 END) AS "entities"
FROM (
  SELECT e."visit__country", e."begun", e."after", row_number() OVER (PARTITION BY e."visit__country", e."__entity" ORDER BY e."after" NULLS LAST) AS "__nth"
  FROM (
    SELECT e."visit__country", e."__entity", greatest(0, date_diff('week', e."__since", z."__last")) AS "begun", date_diff('week', e."__bucket", r."__bucket") AS "after"
    FROM (
      SELECT e."visit__country", e."__entity", e."__bucket", min(e."__bucket") OVER (PARTITION BY e."visit__country", e."__entity") AS "__since"
      FROM (
        SELECT e."visit__country", e."__entity", e."__bucket"
        FROM (
          SELECT t0."key_visitor" AS "__entity", CAST(t0."dim_at" AS TIMESTAMP) AS "__time", CAST(date_trunc('week', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket", CASE WHEN (CAST(t0."dim_at" AS TIMESTAMP) >= TIMESTAMP '2024-10-03 00:00:00' AND t0."dim_score" > -5) THEN 1 ELSE 0 END AS "__counts", t0."dim_country" AS "visit__country"
          FROM (
            SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "score" AS "dim_score", "visitor_id" AS "key_visitor"
            FROM "visits" AS s
            WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-10-03 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-10-01'
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL AND t0."dim_device" IN ('mobile')
        ) AS e
        WHERE e."__counts" = 1
        GROUP BY 1, 2, 3
      ) AS e
    ) AS e
    LEFT JOIN (
      SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('week', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket"
      FROM (
        SELECT "started_at" AS "dim_at", "visitor_id" AS "key_visitor"
        FROM "visits" AS s
        WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-09-30 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-09-01'
      ) AS t0
      WHERE t0."key_visitor" IS NOT NULL
      GROUP BY 1, 2
      UNION ALL
      SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('week', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "__bucket"
      FROM (
        SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor"
        FROM "plays" AS s
        WHERE CAST("played_on" AS DATE) >= DATE '2024-09-30'
      ) AS t0
      WHERE t0."key_visitor" IS NOT NULL
      GROUP BY 1, 2
    ) AS r ON (r."__entity" = e."__entity" AND r."__bucket" >= e."__bucket")
    LEFT JOIN (
      SELECT max(e."__bucket") AS "__last"
      FROM (
        SELECT e."__bucket"
        FROM (
          SELECT t0."key_visitor" AS "__entity", CAST(t0."dim_at" AS TIMESTAMP) AS "__time", CAST(date_trunc('week', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket", CASE WHEN (CAST(t0."dim_at" AS TIMESTAMP) >= TIMESTAMP '2024-10-03 00:00:00' AND t0."dim_score" > -5) THEN 1 ELSE 0 END AS "__counts", t0."dim_country" AS "visit__country"
          FROM (
            SELECT "started_at" AS "dim_at", "country" AS "dim_country", "device" AS "dim_device", "score" AS "dim_score", "visitor_id" AS "key_visitor"
            FROM "visits" AS s
            WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-10-03 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-10-01'
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL AND t0."dim_device" IN ('mobile')
        ) AS e
        UNION ALL
        SELECT e."__bucket"
        FROM (
          SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('week', CAST(t0."dim_at" AS TIMESTAMP)) AS DATE) AS "__bucket"
          FROM (
            SELECT "started_at" AS "dim_at", "visitor_id" AS "key_visitor"
            FROM "visits" AS s
            WHERE CAST("started_at" AS TIMESTAMP) >= TIMESTAMP '2024-09-30 00:00:00' AND CAST("month" AS DATE) >= DATE '2024-09-01'
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL
          GROUP BY 1, 2
          UNION ALL
          SELECT t0."key_visitor" AS "__entity", CAST(date_trunc('week', CAST(t0."dim_played_on" AS DATE)) AS DATE) AS "__bucket"
          FROM (
            SELECT "played_on" AS "dim_played_on", "visitor_id" AS "key_visitor"
            FROM "plays" AS s
            WHERE CAST("played_on" AS DATE) >= DATE '2024-09-30'
          ) AS t0
          WHERE t0."key_visitor" IS NOT NULL
          GROUP BY 1, 2
        ) AS e
      ) AS e
    ) AS z ON TRUE
    GROUP BY 1, 2, 3, 4
  ) AS e
) AS e
GROUP BY 1, 2, 3;

