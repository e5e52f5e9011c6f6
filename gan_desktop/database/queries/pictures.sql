-- Data sets: what the instructor's import stores, and where it lies.

-- name: add_dataset
INSERT INTO gan.datasets (name, image_size, num_images, fingerprint)
VALUES (%(name)s, %(image_size)s, 0, %(fingerprint)s) RETURNING dataset_id;

-- name: finish_dataset
UPDATE gan.datasets SET fingerprint = %(fingerprint)s,
    num_images = (SELECT sum(num_images) FROM gan.dataset_shards WHERE dataset_id = %(dataset_id)s)
WHERE dataset_id = %(dataset_id)s;

-- name: drop_stale_datasets
-- What an import that was killed has left.
DELETE FROM gan.datasets WHERE fingerprint LIKE 'new:%%' AND created_at < now() - interval '1 day';

-- name: discard_dataset
DELETE FROM gan.datasets WHERE dataset_id = %(dataset_id)s AND fingerprint LIKE 'new:%%';

-- name: find_dataset
SELECT dataset_id FROM gan.datasets WHERE fingerprint = %(fingerprint)s;

-- name: add_shard
INSERT INTO gan.dataset_shards (dataset_id, position, num_images, num_bytes, sha256, is_held_out, url)
VALUES (%(dataset_id)s, %(position)s, %(num_images)s, %(num_bytes)s, %(sha256)s, %(is_held_out)s, %(url)s)
RETURNING shard_id;

-- name: dataset
SELECT dataset_id, name, image_size, num_images, fingerprint FROM gan.datasets WHERE dataset_id = %(dataset_id)s;

-- name: forget_payloads
-- The same pictures were imported again: this copy takes the place of the old one (three statements).
DELETE FROM gan.shard_payloads AS p USING gan.dataset_shards AS old
WHERE old.shard_id = p.shard_id AND old.dataset_id = %(known_id)s;

-- name: move_payloads
UPDATE gan.shard_payloads AS p SET shard_id = old.shard_id
FROM gan.dataset_shards AS new JOIN gan.dataset_shards AS old USING (position)
WHERE p.shard_id = new.shard_id AND new.dataset_id = %(dataset_id)s AND old.dataset_id = %(known_id)s;

-- name: move_urls
UPDATE gan.dataset_shards AS old SET url = new.url FROM gan.dataset_shards AS new
WHERE new.position = old.position AND new.dataset_id = %(dataset_id)s AND old.dataset_id = %(known_id)s;

-- name: stored
-- All finished data sets with what they take; what lies on a web server takes no room here.
SELECT d.dataset_id, d.name, d.image_size, d.num_images, d.created_at, s.num_bytes, s.num_bytes_elsewhere, s.num_held_out
FROM gan.datasets AS d CROSS JOIN LATERAL (
    SELECT coalesce(sum(num_bytes) FILTER (WHERE url IS NULL), 0)::bigint AS num_bytes,
           coalesce(sum(num_bytes) FILTER (WHERE url IS NOT NULL), 0)::bigint AS num_bytes_elsewhere,
           coalesce(sum(num_images) FILTER (WHERE is_held_out), 0)::integer AS num_held_out
    FROM gan.dataset_shards WHERE dataset_id = d.dataset_id) AS s
WHERE d.fingerprint !~ '^(new|gone):' ORDER BY d.dataset_id;

-- name: uses
-- The trainings that learn, or have learned, from a data set.
SELECT dataset_id, run_id, name, status FROM gan.training_runs WHERE deleted_at IS NULL ORDER BY run_id DESC;

-- name: lock_dataset
-- No training can begin with it until the transaction's end.
SELECT dataset_id FROM gan.datasets WHERE dataset_id = %(dataset_id)s AND fingerprint !~ '^(new|gone):' FOR UPDATE;

-- name: forget_shards
DELETE FROM gan.dataset_shards WHERE dataset_id = %(dataset_id)s;

-- name: forget_dataset
-- Deleted trainings keep their students' credit, and with it the name of what was learned from.
UPDATE gan.datasets SET fingerprint = 'gone:' || dataset_id WHERE dataset_id = %(dataset_id)s;
DELETE FROM gan.datasets AS d WHERE dataset_id = %(dataset_id)s
  AND NOT EXISTS (SELECT 1 FROM gan.training_runs AS r WHERE r.dataset_id = d.dataset_id);

-- name: smallest_shard
-- For a look at some of the pictures.
SELECT shard_id, dataset_id, num_images, num_bytes, sha256, is_held_out, url FROM gan.dataset_shards
WHERE dataset_id = %(dataset_id)s ORDER BY num_bytes LIMIT 1;
