-- What students and instructors may look at. The names are those of the guides.
--
-- security_barrier: a row that must stay hidden is filtered out before any function the caller may
-- have put into his query sees it. Never security_invoker: the caller has no right on any table.

-- Students see their own computers, the instructor everybody's.
CREATE VIEW workers WITH (security_barrier) AS
    SELECT worker_id, hostname, gpu_name, cpu_cores, ram_gb, gpu_vram_gb,
           CASE WHEN state = 'stopped' OR last_heartbeat < now() - interval '1 minute' THEN 'offline'
                WHEN state IN ('computing', 'loading', 'uploading', 'claiming', 'finishing') THEN 'working'
                ELSE 'waiting' END AS status,
           total_work_units, total_batches, total_images, last_heartbeat,
           w.name, state, state_detail, last_error, images_per_second, total_seconds,
           num_strikes, on_hold_reason, program_version, w.account_id, w.created_at
    FROM gan.workers AS w JOIN gan.worker_totals AS t USING (worker_id)
    WHERE (SELECT is_instructor()) OR w.account_id = (SELECT own_account_id());

-- One row per person, for everybody: no times, no host names, no devices, no logins.
CREATE VIEW leaderboard WITH (security_barrier) AS
    SELECT a.display_name AS name, sum(t.total_work_units)::bigint AS units, sum(t.total_images)::bigint AS images,
           sum(t.total_seconds) AS seconds,
           bool_or(w.state <> 'stopped' AND w.last_heartbeat > now() - interval '1 minute') AS is_working,
           a.account_id = (SELECT own_account_id()) AS is_me
    FROM gan.accounts AS a JOIN gan.workers AS w USING (account_id) JOIN gan.worker_totals AS t USING (worker_id)
    GROUP BY a.account_id, a.display_name
    ORDER BY seconds DESC, images DESC;

-- A lease token never leaves its worker.
CREATE VIEW work_units WITH (security_barrier) AS
    SELECT u.id, u.run_id, u.iteration, u.epoch, u.status, u.worker_id, u.claimed_at, u.completed_at, u.num_images,
           u.num_images_done, u.ranges, u.seed, u.lease_expires_at, u.expected_seconds, u.num_attempts, u.rest_of
    FROM gan.work_units AS u
    WHERE (SELECT is_instructor())
       OR u.worker_id IN (SELECT worker_id FROM gan.workers WHERE account_id = (SELECT own_account_id()));

-- One row per uploaded update (a gradient or a weight change), without its bytes.
CREATE VIEW gradients WITH (security_barrier) AS
    SELECT update_id, run_id, unit_id, worker_id, iteration, num_images, num_steps, codec, num_bytes, loss_g, loss_d,
           d_real, d_fake, compute_seconds, stopped_early, status, reason, weight, merged_into, submitted_at, decided_at
    FROM gan.updates
    WHERE (SELECT is_instructor()) OR account_id = (SELECT own_account_id());

CREATE VIEW model_weights WITH (security_barrier) AS
    SELECT run_id, iteration, kind, codec, num_bytes, sha256, payload, is_checkpoint, created_at
    FROM gan.model_weights;

CREATE VIEW optimizer_state WITH (security_barrier) AS
    SELECT run_id, iteration, sha256, payload FROM gan.optimizer_state WHERE (SELECT is_instructor());

CREATE VIEW training_runs WITH (security_barrier) AS
    SELECT run_id, name, config, status, dataset_id, current_iteration, created_at, started_at, finished_at
    FROM gan.training_runs WHERE status <> 'created' OR (SELECT is_instructor());

-- The training that is going on (or the last one), in one row.
CREATE VIEW training_state WITH (security_barrier) AS
    SELECT run_id, current_iteration, coalesce((SELECT min(c.epoch) FROM gan.epoch_cursors AS c
           WHERE c.run_id = r.run_id), 0) AS current_epoch, generator_loss, discriminator_loss, d_real, d_fake,
           status = 'running' AS training_active, total_images, coordinator_seen_at
    FROM gan.training_runs AS r WHERE status <> 'created'
    ORDER BY (status IN ('running', 'paused')) DESC, run_id DESC LIMIT 1;

CREATE VIEW loss_history WITH (security_barrier) AS
    SELECT run_id, iteration, epoch, num_updates, num_images, generator_loss, discriminator_loss, d_real, d_fake,
           distance, created_at
    FROM gan.loss_history;

CREATE VIEW datasets WITH (security_barrier) AS
    SELECT dataset_id, name, image_size, num_images, fingerprint FROM gan.datasets
    WHERE fingerprint NOT LIKE 'new:%';  -- one that is being imported

CREATE VIEW dataset_shards WITH (security_barrier) AS
    SELECT shard_id, dataset_id, position, num_images, num_bytes, sha256, is_held_out, url FROM gan.dataset_shards;

CREATE VIEW shard_payloads WITH (security_barrier) AS
    SELECT shard_id, payload FROM gan.shard_payloads;

CREATE VIEW samples WITH (security_barrier) AS
    SELECT run_id, iteration, png, created_at FROM gan.samples;

CREATE VIEW events WITH (security_barrier) AS
    SELECT event_id, run_id, kind, message, created_at,
           CASE WHEN (SELECT is_instructor()) THEN worker_id END AS worker_id
    FROM gan.events WHERE is_public OR (SELECT is_instructor());

CREATE VIEW class_info WITH (security_barrier) AS
    SELECT class_id, title, minimum_program FROM gan.class;
