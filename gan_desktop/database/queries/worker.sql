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
                        %(images_done)s, %(error)s);

-- name: leave
SELECT leave(%(worker_id)s, %(session_id)s);

-- name: current_run
-- The training that is going on; without one the newest complete one.
SELECT r.run_id, r.name, r.status, r.current_iteration AS iteration, s.current_epoch AS epoch, r.dataset_id, r.config
FROM training_state AS s JOIN training_runs AS r USING (run_id);

-- name: newest_weights
SELECT run_id, iteration, kind, codec, sha256 FROM model_weights
WHERE run_id = %(run_id)s AND kind = %(kind)s ORDER BY iteration DESC LIMIT 1;

-- name: weights_payload
SELECT payload FROM model_weights WHERE run_id = %(run_id)s AND iteration = %(iteration)s AND kind = %(kind)s

-- name: shards
SELECT shard_id, dataset_id, num_images, num_bytes, sha256, is_held_out, url
FROM dataset_shards WHERE dataset_id = %(dataset_id)s ORDER BY position;

-- name: shard_payload
SELECT payload FROM shard_payloads WHERE shard_id = %(shard_id)s

-- name: newest_sample
SELECT iteration, png FROM samples WHERE run_id = %(run_id)s ORDER BY iteration DESC LIMIT 1;

-- name: leaderboard
SELECT name, units, images, seconds, is_working, is_me FROM leaderboard ORDER BY seconds DESC, images DESC;

-- name: class_info
SELECT class_id, title, minimum_program FROM class_info;

-- name: progress
-- The run's history with the images of all iterations so far.
SELECT iteration, (sum(num_images) OVER (ORDER BY iteration))::bigint AS total_images, generator_loss AS loss_g,
       discriminator_loss AS loss_d, d_real, d_fake, distance
FROM loss_history WHERE run_id = %(run_id)s ORDER BY iteration;
