-- lake: watches [2026-10-26, 2026-11-25)
SELECT k0."value" AS "visit__show__title", sum(t0."value_seconds_watched") AS "l0_seconds_watched__sum", sum(CASE WHEN t0."value_completed_count" THEN 1 ELSE 0 END) AS "l0_completed_count__sum", sum(CASE WHEN t0."value_watch_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l0_watch_count__count"
FROM (
  SELECT "visit_id" AS "key_visit", "completed" AS "value_completed_count", "seconds" AS "value_seconds_watched", "watch_id" AS "value_watch_count"
  FROM "watches" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-10-25 23:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-11-24 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-10-01' AND CAST("month" AS DATE) <= DATE '2026-11-24'
) AS t0
LEFT JOIN (
  SELECT "show_id" AS "key_show", "visit_id" AS "key_visit"
  FROM "visits" AS s
) AS t1 ON t0."key_visit" = t1."key_visit"
LEFT JOIN (VALUES ('1', 'Abendgespräch'), ('2', 'The Lighthouse Files'), ('3', 'Küste im Sturm'), ('4', 'Le Marché de minuit'), ('5', 'Orbit'), ('6', 'Morgenmagazin'), ('7', 'Bread, Salt, Fire'), ('8', 'Zwölf Stimmen'), ('9', 'Nordlicht'), ('10', 'La Isla Pequeña'), ('11', '東京の夜'), ('12', 'Die Brücke am Fluss'), ('13', 'Small Hours'), ('14', 'Çay Saati'), ('15', 'Gletscherjagd'), ('16', 'Ocean Nine'), ('17', 'Les Années café'), ('18', 'Stadtrand'), ('19', 'Fjällräven och haren'), ('20', 'The Long Weekend'), ('21', 'Wölfe'), ('22', 'Piazza Grande'), ('23', 'Quantum Kitchen'), ('24', 'Łódź Noir'), ('25', 'Kinderzimmer live'), ('26', 'Signal Lost'), ('27', 'Fußballabend'), ('28', 'Cão e Gato'), ('29', 'The Archivist'), ('30', 'Über den Dächern'), ('31', 'Second Half'), ('32', 'Élodie'), ('33', 'Nachtzug nach Triest'), ('34', 'Small Planet'), ('35', 'Der Rest ist Politik'), ('36', 'Ja, nein, vielleicht'), ('37', 'Ærø'), ('38', 'Paper Moon Radio'), ('39', 'Gipfeltreffen'), ('40', 'Tierärztin Jonas'), ('41', 'Retour à Genève'), ('42', 'The Answer'), ('43', 'Spätvorstellung'), ('44', 'Señora Luna'), ('45', 'Blue Hour Sessions'), ('46', 'Das große Backen'), ('47', 'Příběhy z Prahy'), ('48', 'Overtime'), ('49', 'Hafenstraße 12'), ('50', 'Kleine Geister'), ('51', 'The Glass Court'), ('52', 'Sommernachtskino'), ('53', '海辺の町'), ('54', 'Rund um die Uhr'), ('55', 'Wild Atlantic'), ('56', 'Café Zürich'), ('57', 'Les Étoiles du lac'), ('58', 'Last Orders'), ('59', 'Mitternachtsfilm'), ('60', 'Ångström')) AS k0("key", "value") ON CAST(t1."key_show" AS VARCHAR) = k0."key"
LEFT JOIN (VALUES ('1', 'talk'), ('2', 'crime'), ('3', 'drama'), ('4', 'drama'), ('5', 'science fiction'), ('6', 'news'), ('7', 'food'), ('8', 'music'), ('9', 'crime'), ('10', 'drama'), ('11', 'documentary'), ('12', 'documentary'), ('13', 'comedy'), ('14', 'talk'), ('15', 'adventure'), ('16', 'documentary'), ('17', 'comedy'), ('18', 'drama'), ('19', 'children'), ('20', 'comedy'), ('21', 'documentary'), ('22', 'talk'), ('23', 'food'), ('24', 'crime'), ('25', 'children'), ('26', 'science fiction'), ('27', 'sports'), ('28', 'children'), ('29', 'crime'), ('30', 'documentary'), ('31', 'sports'), ('32', 'drama'), ('33', 'crime'), ('34', 'documentary'), ('35', 'news'), ('36', 'comedy'), ('37', 'drama'), ('38', 'music'), ('39', 'news'), ('40', 'drama'), ('41', 'crime'), ('42', 'science fiction'), ('43', 'film'), ('44', 'comedy'), ('45', 'music'), ('46', 'food'), ('47', 'documentary'), ('48', 'sports'), ('49', 'drama'), ('50', 'children'), ('51', 'drama'), ('52', 'film'), ('53', 'drama'), ('54', 'news'), ('55', 'documentary'), ('56', 'talk'), ('57', 'music'), ('58', 'comedy'), ('59', 'film'), ('60', 'science fiction')) AS k1("key", "value") ON CAST(t1."key_show" AS VARCHAR) = k1."key"
WHERE k1."value" IN ($1, $2)
GROUP BY 1;
-- $1 = drama
-- $2 = news

-- lake: watches [2026-09-26, 2026-10-26)
SELECT k0."value" AS "visit__show__title", sum(t0."value_seconds_watched") AS "l1_seconds_watched__sum", sum(CASE WHEN t0."value_completed_count" THEN 1 ELSE 0 END) AS "l1_completed_count__sum", sum(CASE WHEN t0."value_watch_count" IS NOT NULL THEN 1 ELSE 0 END) AS "l1_watch_count__count"
FROM (
  SELECT "visit_id" AS "key_visit", "completed" AS "value_completed_count", "seconds" AS "value_seconds_watched", "watch_id" AS "value_watch_count"
  FROM "watches" AS s
  WHERE CAST("occurred_at" AS TIMESTAMP) >= TIMESTAMP '2026-09-25 22:00:00' AND CAST("occurred_at" AS TIMESTAMP) < TIMESTAMP '2026-10-25 23:00:00' AND CAST("month" AS DATE) >= DATE '2026-09-01' AND CAST("month" AS DATE) <= DATE '2026-10-25'
) AS t0
LEFT JOIN (
  SELECT "show_id" AS "key_show", "visit_id" AS "key_visit"
  FROM "visits" AS s
) AS t1 ON t0."key_visit" = t1."key_visit"
LEFT JOIN (VALUES ('1', 'Abendgespräch'), ('2', 'The Lighthouse Files'), ('3', 'Küste im Sturm'), ('4', 'Le Marché de minuit'), ('5', 'Orbit'), ('6', 'Morgenmagazin'), ('7', 'Bread, Salt, Fire'), ('8', 'Zwölf Stimmen'), ('9', 'Nordlicht'), ('10', 'La Isla Pequeña'), ('11', '東京の夜'), ('12', 'Die Brücke am Fluss'), ('13', 'Small Hours'), ('14', 'Çay Saati'), ('15', 'Gletscherjagd'), ('16', 'Ocean Nine'), ('17', 'Les Années café'), ('18', 'Stadtrand'), ('19', 'Fjällräven och haren'), ('20', 'The Long Weekend'), ('21', 'Wölfe'), ('22', 'Piazza Grande'), ('23', 'Quantum Kitchen'), ('24', 'Łódź Noir'), ('25', 'Kinderzimmer live'), ('26', 'Signal Lost'), ('27', 'Fußballabend'), ('28', 'Cão e Gato'), ('29', 'The Archivist'), ('30', 'Über den Dächern'), ('31', 'Second Half'), ('32', 'Élodie'), ('33', 'Nachtzug nach Triest'), ('34', 'Small Planet'), ('35', 'Der Rest ist Politik'), ('36', 'Ja, nein, vielleicht'), ('37', 'Ærø'), ('38', 'Paper Moon Radio'), ('39', 'Gipfeltreffen'), ('40', 'Tierärztin Jonas'), ('41', 'Retour à Genève'), ('42', 'The Answer'), ('43', 'Spätvorstellung'), ('44', 'Señora Luna'), ('45', 'Blue Hour Sessions'), ('46', 'Das große Backen'), ('47', 'Příběhy z Prahy'), ('48', 'Overtime'), ('49', 'Hafenstraße 12'), ('50', 'Kleine Geister'), ('51', 'The Glass Court'), ('52', 'Sommernachtskino'), ('53', '海辺の町'), ('54', 'Rund um die Uhr'), ('55', 'Wild Atlantic'), ('56', 'Café Zürich'), ('57', 'Les Étoiles du lac'), ('58', 'Last Orders'), ('59', 'Mitternachtsfilm'), ('60', 'Ångström')) AS k0("key", "value") ON CAST(t1."key_show" AS VARCHAR) = k0."key"
LEFT JOIN (VALUES ('1', 'talk'), ('2', 'crime'), ('3', 'drama'), ('4', 'drama'), ('5', 'science fiction'), ('6', 'news'), ('7', 'food'), ('8', 'music'), ('9', 'crime'), ('10', 'drama'), ('11', 'documentary'), ('12', 'documentary'), ('13', 'comedy'), ('14', 'talk'), ('15', 'adventure'), ('16', 'documentary'), ('17', 'comedy'), ('18', 'drama'), ('19', 'children'), ('20', 'comedy'), ('21', 'documentary'), ('22', 'talk'), ('23', 'food'), ('24', 'crime'), ('25', 'children'), ('26', 'science fiction'), ('27', 'sports'), ('28', 'children'), ('29', 'crime'), ('30', 'documentary'), ('31', 'sports'), ('32', 'drama'), ('33', 'crime'), ('34', 'documentary'), ('35', 'news'), ('36', 'comedy'), ('37', 'drama'), ('38', 'music'), ('39', 'news'), ('40', 'drama'), ('41', 'crime'), ('42', 'science fiction'), ('43', 'film'), ('44', 'comedy'), ('45', 'music'), ('46', 'food'), ('47', 'documentary'), ('48', 'sports'), ('49', 'drama'), ('50', 'children'), ('51', 'drama'), ('52', 'film'), ('53', 'drama'), ('54', 'news'), ('55', 'documentary'), ('56', 'talk'), ('57', 'music'), ('58', 'comedy'), ('59', 'film'), ('60', 'science fiction')) AS k1("key", "value") ON CAST(t1."key_show" AS VARCHAR) = k1."key"
WHERE k1."value" IN ($1, $2)
GROUP BY 1;
-- $1 = drama
-- $2 = news

-- finish
WITH pieces AS (
SELECT "visit__show__title", "l0_seconds_watched__sum", "l0_completed_count__sum", "l0_watch_count__count" FROM lake_0_0
UNION ALL BY NAME
SELECT "visit__show__title", "l1_seconds_watched__sum", "l1_completed_count__sum", "l1_watch_count__count" FROM lake_1_0
), merged AS (
SELECT "visit__show__title", sum("l0_seconds_watched__sum") AS "l0_seconds_watched__sum", sum("l0_completed_count__sum") AS "l0_completed_count__sum", sum("l0_watch_count__count") AS "l0_watch_count__count", sum("l1_seconds_watched__sum") AS "l1_seconds_watched__sum", sum("l1_completed_count__sum") AS "l1_completed_count__sum", sum("l1_watch_count__count") AS "l1_watch_count__count"
FROM pieces
GROUP BY 1
), valued AS (
SELECT "visit__show__title", "l0_seconds_watched__sum" AS "watch_seconds", "l1_seconds_watched__sum" AS "watch_seconds__previous", (CAST("l0_completed_count__sum" AS DOUBLE) / NULLIF(CAST("l0_watch_count__count" AS DOUBLE), 0)) AS "completion_rate", (CAST("l1_completed_count__sum" AS DOUBLE) / NULLIF(CAST("l1_watch_count__count" AS DOUBLE), 0)) AS "completion_rate__previous"
FROM merged
), answer AS (
SELECT "visit__show__title", "watch_seconds", "watch_seconds__previous", "watch_seconds" - "watch_seconds__previous" AS "watch_seconds__delta", CAST("watch_seconds" - "watch_seconds__previous" AS DOUBLE) / NULLIF(CAST("watch_seconds__previous" AS DOUBLE), 0) AS "watch_seconds__ratio", "completion_rate", "completion_rate__previous", "completion_rate" - "completion_rate__previous" AS "completion_rate__delta", CAST("completion_rate" - "completion_rate__previous" AS DOUBLE) / NULLIF(CAST("completion_rate__previous" AS DOUBLE), 0) AS "completion_rate__ratio"
FROM valued
)
SELECT * FROM answer
ORDER BY "watch_seconds" DESC NULLS LAST, "visit__show__title" ASC NULLS LAST
LIMIT 21;

