-- lake
SELECT u."tenant_key", u."bucket", u."visit__country", u."visit__device", sum(u."visits__rows") AS "visits__rows", sum(u."visit_count__count") AS "visit_count__count", sum(u."bounce_count__sum") AS "bounce_count__sum", sum(u."page_views__rows") AS "page_views__rows", sum(u."page_view_count__count") AS "page_view_count__count", sum(u."watches__rows") AS "watches__rows", sum(u."seconds_watched__sum") AS "seconds_watched__sum", sum(u."watch_count__count") AS "watch_count__count", sum(u."completed_count__sum") AS "completed_count__sum", sum(u."steps__rows__0af634e4ddd5870a") AS "steps__rows__0af634e4ddd5870a", sum(u."steps__rows__e91cfaa0fd47a6a1") AS "steps__rows__e91cfaa0fd47a6a1", sum(u."steps__rows") AS "steps__rows", sum(u."step_count__count__0af634e4ddd5870a") AS "step_count__count__0af634e4ddd5870a", sum(u."step_count__count__e91cfaa0fd47a6a1") AS "step_count__count__e91cfaa0fd47a6a1", sum(u."amount_paid__sum") AS "amount_paid__sum", max(u."watermark") AS "watermark"
FROM (
  SELECT CAST(t0."dim_customer" AS VARCHAR) AS "tenant_key", CAST(CASE WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-25 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) ELSE (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) END AS DATE) AS "bucket", t0."dim_country" AS "visit__country", t0."dim_device" AS "visit__device", sum(1) AS "visits__rows", sum(CASE WHEN t0."value_visit_count" IS NOT NULL THEN 1 ELSE 0 END) AS "visit_count__count", sum(CASE WHEN t0."value_bounce_count" THEN 1 ELSE 0 END) AS "bounce_count__sum", NULL AS "page_views__rows", NULL AS "page_view_count__count", NULL AS "watches__rows", NULL AS "seconds_watched__sum", NULL AS "watch_count__count", NULL AS "completed_count__sum", NULL AS "steps__rows__0af634e4ddd5870a", NULL AS "steps__rows__e91cfaa0fd47a6a1", NULL AS "steps__rows", NULL AS "step_count__count__0af634e4ddd5870a", NULL AS "step_count__count__e91cfaa0fd47a6a1", NULL AS "amount_paid__sum", max(CAST(CAST(t0."dim_occurred_at" AS TIMESTAMP) AS TIMESTAMP)) AS "watermark"
  FROM (
    SELECT "country" AS "dim_country", "customer" AS "dim_customer", "device" AS "dim_device", "occurred_at" AS "dim_occurred_at", "is_bounce" AS "value_bounce_count", "visit_id" AS "value_visit_count"
    FROM "visits" AS s
    WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-09-30 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-31 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-09-01' AND CAST("month" AS DATE) <= DATE '2026-10-31'
  ) AS t0
  GROUP BY 1, 2, 3, 4
  UNION ALL
  SELECT CAST(t1."dim_customer" AS VARCHAR) AS "tenant_key", CAST(CASE WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-25 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) ELSE (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) END AS DATE) AS "bucket", t1."dim_country" AS "visit__country", t1."dim_device" AS "visit__device", NULL AS "visits__rows", NULL AS "visit_count__count", NULL AS "bounce_count__sum", sum(1) AS "page_views__rows", sum(CASE WHEN t0."value_page_view_count" IS NOT NULL THEN 1 ELSE 0 END) AS "page_view_count__count", NULL AS "watches__rows", NULL AS "seconds_watched__sum", NULL AS "watch_count__count", NULL AS "completed_count__sum", NULL AS "steps__rows__0af634e4ddd5870a", NULL AS "steps__rows__e91cfaa0fd47a6a1", NULL AS "steps__rows", NULL AS "step_count__count__0af634e4ddd5870a", NULL AS "step_count__count__e91cfaa0fd47a6a1", NULL AS "amount_paid__sum", max(CAST(CAST(t0."dim_occurred_at" AS TIMESTAMP) AS TIMESTAMP)) AS "watermark"
  FROM (
    SELECT "occurred_at" AS "dim_occurred_at", "visit_id" AS "key_visit", "page_view_id" AS "value_page_view_count"
    FROM "page_views" AS s
    WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-09-30 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-31 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-09-01' AND CAST("month" AS DATE) <= DATE '2026-10-31'
  ) AS t0
  LEFT JOIN (
    SELECT "country" AS "dim_country", "customer" AS "dim_customer", "device" AS "dim_device", "visit_id" AS "key_visit"
    FROM "visits" AS s
  ) AS t1 ON t0."key_visit" = t1."key_visit"
  GROUP BY 1, 2, 3, 4
  UNION ALL
  SELECT CAST(t1."dim_customer" AS VARCHAR) AS "tenant_key", CAST(CASE WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-25 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) ELSE (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) END AS DATE) AS "bucket", t1."dim_country" AS "visit__country", t1."dim_device" AS "visit__device", NULL AS "visits__rows", NULL AS "visit_count__count", NULL AS "bounce_count__sum", NULL AS "page_views__rows", NULL AS "page_view_count__count", sum(1) AS "watches__rows", sum(t0."value_seconds_watched") AS "seconds_watched__sum", sum(CASE WHEN t0."value_watch_count" IS NOT NULL THEN 1 ELSE 0 END) AS "watch_count__count", sum(CASE WHEN t0."value_completed_count" THEN 1 ELSE 0 END) AS "completed_count__sum", NULL AS "steps__rows__0af634e4ddd5870a", NULL AS "steps__rows__e91cfaa0fd47a6a1", NULL AS "steps__rows", NULL AS "step_count__count__0af634e4ddd5870a", NULL AS "step_count__count__e91cfaa0fd47a6a1", NULL AS "amount_paid__sum", max(CAST(CAST(t0."dim_occurred_at" AS TIMESTAMP) AS TIMESTAMP)) AS "watermark"
  FROM (
    SELECT "occurred_at" AS "dim_occurred_at", "visit_id" AS "key_visit", "completed" AS "value_completed_count", "seconds" AS "value_seconds_watched", "watch_id" AS "value_watch_count"
    FROM "watches" AS s
    WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-09-30 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-31 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-09-01' AND CAST("month" AS DATE) <= DATE '2026-10-31'
  ) AS t0
  LEFT JOIN (
    SELECT "country" AS "dim_country", "customer" AS "dim_customer", "device" AS "dim_device", "visit_id" AS "key_visit"
    FROM "visits" AS s
  ) AS t1 ON t0."key_visit" = t1."key_visit"
  GROUP BY 1, 2, 3, 4
  UNION ALL
  SELECT CAST(t1."dim_customer" AS VARCHAR) AS "tenant_key", CAST(CASE WHEN CAST(t0."dim_occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-25 01:00:00' THEN (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (7200) SECOND) ELSE (CAST(t0."dim_occurred_at" AS TIMESTAMP) + INTERVAL (3600) SECOND) END AS DATE) AS "bucket", t1."dim_country" AS "visit__country", t1."dim_device" AS "visit__device", NULL AS "visits__rows", NULL AS "visit_count__count", NULL AS "bounce_count__sum", NULL AS "page_views__rows", NULL AS "page_view_count__count", NULL AS "watches__rows", NULL AS "seconds_watched__sum", NULL AS "watch_count__count", NULL AS "completed_count__sum", sum(CASE WHEN t0."dim_step_name" IN ($1) THEN 1 END) AS "steps__rows__0af634e4ddd5870a", sum(CASE WHEN t0."dim_step_name" IN ($2) THEN 1 END) AS "steps__rows__e91cfaa0fd47a6a1", sum(1) AS "steps__rows", sum(CASE WHEN t0."dim_step_name" IN ($3) THEN CASE WHEN t0."value_step_count" IS NOT NULL THEN 1 ELSE 0 END END) AS "step_count__count__0af634e4ddd5870a", sum(CASE WHEN t0."dim_step_name" IN ($4) THEN CASE WHEN t0."value_step_count" IS NOT NULL THEN 1 ELSE 0 END END) AS "step_count__count__e91cfaa0fd47a6a1", sum(t0."value_amount_paid") AS "amount_paid__sum", max(CAST(CAST(t0."dim_occurred_at" AS TIMESTAMP) AS TIMESTAMP)) AS "watermark"
  FROM (
    SELECT "occurred_at" AS "dim_occurred_at", "step" AS "dim_step_name", "visit_id" AS "key_visit", "amount" AS "value_amount_paid", "step_id" AS "value_step_count"
    FROM "steps" AS s
    WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-09-30 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-31 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-09-01' AND CAST("month" AS DATE) <= DATE '2026-10-31'
  ) AS t0
  LEFT JOIN (
    SELECT "country" AS "dim_country", "customer" AS "dim_customer", "device" AS "dim_device", "visit_id" AS "key_visit"
    FROM "visits" AS s
  ) AS t1 ON t0."key_visit" = t1."key_visit"
  GROUP BY 1, 2, 3, 4
) AS u
GROUP BY 1, 2, 3, 4;
-- $1 = view_offer
-- $2 = purchase
-- $3 = view_offer
-- $4 = purchase

-- store
SELECT s."bucket", s."visit__country", s."visit__device", CAST(k0."name" AS VARCHAR) AS "visit__country__name", CAST(k0."region" AS VARCHAR) AS "visit__country__region", s."visits__rows", s."visit_count__count", s."bounce_count__sum", s."page_views__rows", s."page_view_count__count", s."watches__rows", s."seconds_watched__sum", s."watch_count__count", s."completed_count__sum", s."steps__rows__0af634e4ddd5870a", s."steps__rows__e91cfaa0fd47a6a1", s."steps__rows", s."step_count__count__0af634e4ddd5870a", s."step_count__count__e91cfaa0fd47a6a1", s."amount_paid__sum"
FROM lake_rows AS s
LEFT JOIN (VALUES ('AT', 'Austria', 'Central Europe'), ('AU', 'Australia', 'Oceania'), ('BE', 'Belgium', 'Western Europe'), ('BR', 'Brazil', 'Latin America'), ('CA', 'Canada', 'North America'), ('CH', 'Switzerland', 'Central Europe'), ('CI', 'Côte d’Ivoire', 'Africa'), ('CZ', 'Czechia', 'Central Europe'), ('DE', 'Germany', 'Central Europe'), ('DK', 'Denmark', 'Northern Europe'), ('ES', 'Spain', 'Southern Europe'), ('FR', 'France', 'Western Europe'), ('GB', 'United Kingdom', 'Western Europe'), ('IN', 'India', 'Asia'), ('IT', 'Italy', 'Southern Europe'), ('JP', 'Japan', 'Asia'), ('MX', 'Mexico', 'Latin America'), ('NL', 'Netherlands', 'Western Europe'), ('NO', 'Norway', 'Northern Europe'), ('PL', 'Poland', 'Central Europe'), ('PT', 'Portugal', 'Southern Europe'), ('SE', 'Sweden', 'Northern Europe'), ('TR', 'Türkiye', 'Asia'), ('US', 'United States', 'North America'), ('ZA', 'South Africa', 'Africa')) AS k0("key", "name", "region") ON CAST(s."visit__country" AS VARCHAR) = k0."key"
ORDER BY s."bucket" NULLS LAST, s."visit__country" NULLS LAST, s."visit__device" NULLS LAST;

