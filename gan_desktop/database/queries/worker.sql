-- What a worker asks of the class. Each call is explained in api/functions.sql.

-- name: register
SELECT register_worker(%(device_id)s, %(session_id)s, %(name)s, %(hostname)s, %(gpu_name)s, %(cpu_cores)s,
                       %(ram_gb)s, %(gpu_vram_gb)s, %(program_version)s) AS worker_id;

-- name: claim
SELECT * FROM claim_work_unit(%(worker_id)s, %(session_id)s, %(cached_shards)s);

-- name: release
SELECT release_work_unit(%(unit_id)s, %(lease_token)s) AS was_mine;

-- name: heartbeat
SELECT * FROM heartbeat(%(worker_id)s, %(session_id)s, %(state)s, %(detail)s, %(unit_ids)s::bigint[],
                        %(images_done)s, %(error)s, %(readings)s, %(last_message)s);

-- name: leave
SELECT leave(%(worker_id)s, %(session_id)s);

-- name: current_run
-- The training that is going on; without one the newest complete one.
SELECT r.run_id, r.name, r.status, r.current_iteration AS iteration, s.current_epoch AS epoch, r.dataset_id, r.config,
       r.restarted_at
FROM training_state AS s JOIN training_runs AS r USING (run_id);

-- name: newest_weights
SELECT run_id, iteration, kind, codec, sha256 FROM model_weights
WHERE run_id = %(run_id)s AND kind = %(kind)s ORDER BY iteration DESC LIMIT 1;

-- name: kept_weights
SELECT codec, sha256 FROM model_weights
WHERE run_id = %(run_id)s AND iteration = %(iteration)s AND kind = %(kind)s;

-- name: weights_payload
SELECT payload FROM model_weights WHERE run_id = %(run_id)s AND iteration = %(iteration)s AND kind = %(kind)s

-- name: shards
SELECT shard_id, dataset_id, num_images, num_bytes, sha256, is_held_out, url
FROM dataset_shards WHERE dataset_id = %(dataset_id)s ORDER BY position;

-- name: shard_url
-- Now, not when the list was read: the instructor may have moved the pictures meanwhile.
SELECT url FROM dataset_shards WHERE shard_id = %(shard_id)s;

-- name: shard_payload
SELECT payload FROM shard_payloads WHERE shard_id = %(shard_id)s
