-- A class as one file: which tables there are, and what has to be mended in a copy of them.

-- name: tables
-- All that hold the class's data; `is_compressed`: whether their bytes can be made smaller (pictures and weights
-- cannot, and the database does not try either: STORAGE EXTERNAL).
SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns,
       array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types,
       (array_agg(a.attname::text) FILTER (WHERE a.attidentity <> ''))[1] AS identity,
       NOT bool_or(a.attstorage = 'e') AS is_compressible,
       pg_table_size(c.oid) AS num_bytes,
       ARRAY(SELECT DISTINCT k.confrelid::regclass::oid FROM pg_constraint AS k
             WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.confrelid <> c.oid) AS needs, c.oid
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'gan'::regnamespace AND c.relkind = 'r' AND c.relname !~ 'yoyo'
  AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY c.oid, c.relname ORDER BY c.relname;

-- name: class
SELECT class_id, title FROM gan.class;

-- name: configs
SELECT config FROM gan.training_runs ORDER BY run_id;

-- name: forget_new_class
DELETE FROM gan.class;

-- name: settle_class
-- A copy is a class of its own: its logins have this class's id in their names.
UPDATE gan.class SET class_id = %(class_id)s, minimum_program = %(minimum_program)s;

-- name: settle_people
-- Logins belong to a server, and another class there may have the very same: all get new names.
UPDATE gan.accounts SET login = 's_' || left(replace(gen_random_uuid()::text, '-', ''), 12), enrol_key = NULL;

-- name: settle_cards
UPDATE gan.enrol_cards SET withdrawn_at = coalesce(withdrawn_at, now());

-- name: settle_workers
UPDATE gan.workers SET state = 'stopped', state_detail = '{}';

-- name: settle_closing
-- A restored class begins anew, also one that had come to its end.
DELETE FROM gan.closing_steps;

-- name: settle_units
-- Whoever computes these does so for the class that was archived.
SELECT gan.return_unit(id) FROM gan.work_units WHERE status = 'in_progress';

-- name: settle_trainings
UPDATE gan.training_runs SET coordinator_token = NULL, coordinator_lease_end = NULL, coordinator_seen_at = NULL;

-- name: add_event
INSERT INTO gan.events (kind, message) VALUES ('restored', %(message)s);

-- name: open_logins
SELECT login FROM gan.accounts WHERE withdrawn_at IS NULL ORDER BY account_id;

-- name: datasets_without_pictures
SELECT name FROM gan.datasets AS d WHERE EXISTS (
    SELECT 1 FROM gan.dataset_shards AS s LEFT JOIN gan.shard_payloads AS p USING (shard_id)
    WHERE s.dataset_id = d.dataset_id AND p.shard_id IS NULL AND s.url IS NULL) ORDER BY dataset_id;
