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
