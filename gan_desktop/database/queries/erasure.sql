-- Taking people out of a class, as its coordinator role. What the class has made (weights, faces, curves) stays.

-- name: words
-- All by which somebody could be known: looked for everywhere afterwards. Not what says little: two letters, or a
-- number that is as well a number of pictures.
SELECT DISTINCT word FROM (
    SELECT display_name AS word FROM gan.accounts UNION ALL
    SELECT login FROM gan.accounts UNION ALL
    SELECT unnest(ARRAY[student_id, email]) FROM gan.roster UNION ALL
    SELECT unnest(ARRAY[name, hostname, device_id, worker_id]) FROM gan.workers UNION ALL
    SELECT login FROM gan.enrol_cards) AS known
WHERE length(word) >= 3 AND word !~ '^[0-9]{1,4}$' ORDER BY word;

-- name: totals
-- What each person has done, in no order that tells who it was.
SELECT sum(total_work_units)::bigint AS units, sum(total_batches)::bigint AS batches,
       sum(total_images)::bigint AS images, sum(total_seconds)::float8 AS seconds
FROM gan.worker_totals GROUP BY account_id HAVING sum(total_work_units) > 0 ORDER BY random();

-- name: forget_people
-- Units tell when somebody was at work, and on which computer: of them the totals stay, if any.
DELETE FROM gan.messages;
DELETE FROM gan.events;
DELETE FROM gan.updates;
DELETE FROM gan.work_units;
DELETE FROM gan.roster;
DELETE FROM gan.workers;
DELETE FROM gan.accounts;
DELETE FROM gan.enrol_cards;

-- name: add_number
-- A person without a name, and a computer without an owner that could come back.
WITH person AS (
    INSERT INTO gan.accounts (login, display_name, withdrawn_at, created_at)
    VALUES (%(worker_id)s, %(name)s, now(), (SELECT created_at FROM gan.class)) RETURNING account_id
), computer AS (
    INSERT INTO gan.workers (worker_id, account_id, device_id, session_id, name, state, created_at, last_heartbeat)
    SELECT %(worker_id)s, account_id, 'none', gen_random_uuid(), %(name)s, 'stopped', c.created_at, c.created_at
    FROM person, gan.class AS c RETURNING worker_id, account_id
)
INSERT INTO gan.worker_totals (worker_id, account_id, total_work_units, total_batches, total_images, total_seconds)
SELECT worker_id, account_id, %(units)s, %(batches)s, %(images)s, %(seconds)s FROM computer;

-- name: texts
-- Every column in which words stand, but for those with a few words of the program's own (kind, status ...).
SELECT c.relname AS table_name, a.attname AS column_name
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'gan'::regnamespace AND c.relkind = 'r' AND c.relname !~ 'yoyo' AND a.attnum > 0
  AND NOT a.attisdropped AND NOT EXISTS (
      SELECT 1 FROM pg_constraint AS k WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conkey = ARRAY[a.attnum]
      AND pg_get_constraintdef(k.oid) ~ '= ANY')
  AND a.atttypid IN ('text'::regtype, 'name'::regtype, 'jsonb'::regtype)
ORDER BY c.relname, a.attnum;
