-- What students and instructors may look at. The names are those of the guides.
--
-- security_barrier: a row that must stay hidden is filtered out before any function the caller may
-- have put into his query sees it. Never security_invoker: the caller has no right on any table.

-- The planner's estimates are shown to everybody (EXPLAIN), and tell by what it knows of a column whether a guessed
-- value is in a hidden row. So it is to know nothing of these. Named by its type again, a column loses what an older
-- version's ANALYZE has gathered.
ALTER TABLE gan.workers
    ALTER name SET STATISTICS 0, ALTER hostname SET STATISTICS 0, ALTER gpu_name SET STATISTICS 0,
    ALTER last_error SET STATISTICS 0, ALTER state_detail SET STATISTICS 0, ALTER readings SET STATISTICS 0;
ALTER TABLE gan.workers
    ALTER name TYPE text, ALTER hostname TYPE text, ALTER gpu_name TYPE text, ALTER last_error TYPE text,
    ALTER state_detail TYPE jsonb, ALTER readings TYPE jsonb;
ALTER TABLE gan.worker_totals ALTER on_hold_reason SET STATISTICS 0;
ALTER TABLE gan.worker_totals ALTER on_hold_reason TYPE text;
ALTER TABLE gan.events ALTER message SET STATISTICS 0;
ALTER TABLE gan.events ALTER message TYPE text;
ALTER TABLE gan.messages ALTER text SET STATISTICS 0;
ALTER TABLE gan.messages ALTER text TYPE text;

-- Students see their own computers, the instructor everybody's.
CREATE VIEW workers WITH (security_barrier) AS
    SELECT worker_id, hostname, gpu_name, cpu_cores, ram_gb, gpu_vram_gb,
           CASE WHEN state = 'stopped' OR last_heartbeat < now() - interval '1 minute' THEN 'offline'
                WHEN state IN ('computing', 'loading', 'uploading', 'claiming', 'finishing') THEN 'working'
                ELSE 'waiting' END AS status,
           total_work_units, total_batches, total_images, last_heartbeat,
           w.name, state, state_detail, last_error, images_per_second, total_seconds,
           num_strikes, on_hold_reason, program_version, w.account_id, w.created_at, readings
    FROM gan.workers AS w JOIN gan.worker_totals AS t USING (worker_id)
    WHERE (SELECT is_instructor()) OR w.account_id = (SELECT own_account_id());

-- One row per person, for everybody: no times, no host names, no devices, no logins. Whom the instructor hides
-- is seen by that person alone.
CREATE VIEW leaderboard WITH (security_barrier) AS
    SELECT a.display_name AS name, sum(t.total_work_units)::bigint AS units, sum(t.total_images)::bigint AS images,
           sum(t.total_seconds) AS seconds,
           bool_or(w.state <> 'stopped' AND w.last_heartbeat > now() - interval '1 minute') AS is_working,
           a.account_id = (SELECT own_account_id()) AS is_me
    FROM gan.accounts AS a JOIN gan.workers AS w USING (account_id) JOIN gan.worker_totals AS t USING (worker_id)
    WHERE (NOT a.is_hidden AND NOT a.is_rehearsal) OR a.account_id = (SELECT own_account_id())
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
           d_real, d_fake, compute_seconds, stopped_early, status, reason, weight, merged_into, submitted_at, decided_at,
           credited_seconds
    FROM gan.updates
    WHERE (SELECT is_instructor()) OR account_id = (SELECT own_account_id());

-- A rehearsal's weights, curves and faces are seen by virtual students, and by nobody else.
CREATE VIEW model_weights WITH (security_barrier) AS
    SELECT run_id, iteration, kind, codec, num_bytes, sha256, payload, is_checkpoint, w.created_at
    FROM gan.model_weights AS w JOIN gan.training_runs AS r USING (run_id)
    WHERE r.is_rehearsal = EXISTS (SELECT 1 FROM gan.accounts AS a WHERE a.login = session_user AND a.is_rehearsal);

CREATE VIEW optimizer_state WITH (security_barrier) AS
    SELECT run_id, iteration, sha256, payload FROM gan.optimizer_state WHERE (SELECT is_instructor());

CREATE VIEW training_runs WITH (security_barrier) AS
    SELECT run_id, name, config, status, dataset_id, current_iteration, created_at, started_at, finished_at, restarted_at
    FROM gan.training_runs WHERE deleted_at IS NULL AND (status <> 'created' OR (SELECT is_instructor()))
      AND is_rehearsal = EXISTS (SELECT 1 FROM gan.accounts AS a WHERE a.login = session_user AND a.is_rehearsal);

-- The training that is going on (or the last one), in one row: for virtual students, and nobody else, the rehearsal.
CREATE VIEW training_state WITH (security_barrier) AS
    SELECT run_id, current_iteration, coalesce((SELECT min(c.epoch) FROM gan.epoch_cursors AS c
           WHERE c.run_id = r.run_id), 0) AS current_epoch, generator_loss, discriminator_loss, d_real, d_fake,
           status = 'running' AS training_active, total_images, coordinator_seen_at
    FROM gan.training_runs AS r WHERE status <> 'created' AND deleted_at IS NULL
      AND is_rehearsal = EXISTS (SELECT 1 FROM gan.accounts AS a WHERE a.login = session_user AND a.is_rehearsal)
    ORDER BY (status IN ('running', 'paused')) DESC, run_id DESC LIMIT 1;

-- num_joined: computers that came for the first time since the iteration before; who they are is not told.
CREATE VIEW loss_history WITH (security_barrier) AS
    SELECT run_id, iteration, epoch, num_updates, num_images, h.generator_loss, h.discriminator_loss, h.d_real, h.d_fake,
           distance, h.created_at,
           (SELECT count(*) FROM gan.workers AS w JOIN gan.accounts AS a USING (account_id)
            WHERE a.is_rehearsal = r.is_rehearsal AND w.created_at <= h.created_at AND w.created_at > coalesce(
               (SELECT max(e.created_at) FROM gan.loss_history AS e
                WHERE e.run_id = h.run_id AND e.iteration = h.iteration - 1), '-infinity')) AS num_joined
    FROM gan.loss_history AS h JOIN gan.training_runs AS r USING (run_id)
    WHERE r.is_rehearsal = EXISTS (SELECT 1 FROM gan.accounts AS a WHERE a.login = session_user AND a.is_rehearsal);

CREATE VIEW datasets WITH (security_barrier) AS
    SELECT dataset_id, name, image_size, num_images, fingerprint FROM gan.datasets
    WHERE fingerprint !~ '^(new|gone):';  -- one that is being imported, or whose pictures were deleted

CREATE VIEW dataset_shards WITH (security_barrier) AS
    SELECT shard_id, dataset_id, position, num_images, num_bytes, sha256, is_held_out, url FROM gan.dataset_shards;

-- What measures quality is never trained on: students do not get it.
CREATE VIEW shard_payloads WITH (security_barrier) AS
    SELECT p.shard_id, p.payload FROM gan.shard_payloads AS p JOIN gan.dataset_shards AS s USING (shard_id)
    WHERE NOT s.is_held_out OR (SELECT is_instructor());

CREATE VIEW samples WITH (security_barrier) AS
    SELECT run_id, iteration, png, s.created_at FROM gan.samples AS s JOIN gan.training_runs AS r USING (run_id)
    WHERE r.is_rehearsal = EXISTS (SELECT 1 FROM gan.accounts AS a WHERE a.login = session_user AND a.is_rehearsal);

CREATE VIEW events WITH (security_barrier) AS
    SELECT event_id, run_id, kind, message, e.created_at,
           CASE WHEN (SELECT is_instructor()) THEN worker_id END AS worker_id
    FROM gan.events AS e WHERE (SELECT is_instructor()) OR (is_public AND NOT EXISTS (
        SELECT 1 FROM gan.training_runs AS r WHERE r.run_id = e.run_id AND r.is_rehearsal));

-- ended_at: when the course ended, or the class moved; students' programs remember it for the time without a login.
CREATE VIEW class_info WITH (security_barrier) AS
    SELECT class_id, title, minimum_program,
           (SELECT min(done_at) FROM gan.closing_steps WHERE step IN ('end', 'move')) AS ended_at,
           EXISTS (SELECT 1 FROM gan.closing_steps WHERE step = 'move') AS has_moved
    FROM gan.class;

-- The class in numbers, in one row: who takes part now, and what all have done together.
CREATE VIEW class_totals WITH (security_barrier) AS
    SELECT now_there.num_computers, now_there.images_per_second, ever.num_people, ever.num_images, ever.num_units
    FROM (SELECT count(*) AS num_computers, coalesce(sum(images_per_second), 0)::float8 AS images_per_second
          FROM gan.workers JOIN gan.accounts USING (account_id)
          WHERE last_heartbeat > now() - interval '1 minute' AND NOT is_rehearsal
            AND state IN ('claiming', 'loading', 'computing', 'uploading', 'finishing', 'waiting_none_free')
         ) AS now_there,
         (SELECT count(DISTINCT account_id) AS num_people, coalesce(sum(total_images), 0)::bigint AS num_images,
                 coalesce(sum(total_work_units), 0)::bigint AS num_units
          FROM gan.worker_totals JOIN gan.accounts USING (account_id) WHERE NOT is_rehearsal) AS ever;

-- Words of the instructor: those to everybody, and those to the one who looks.
CREATE VIEW messages WITH (security_barrier) AS
    SELECT message_id, text, sent_at, account_id IS NOT NULL AS is_for_me_alone FROM gan.messages
    WHERE account_id IS NULL OR account_id = (SELECT own_account_id()) OR (SELECT is_instructor());
