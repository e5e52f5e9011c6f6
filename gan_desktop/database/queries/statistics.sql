-- What the instructor looks at. Asked as the class's coordinator role; nothing here changes anything.

-- name: is_instructor
SELECT is_instructor() AS is_instructor;

-- name: title
SELECT title FROM gan.class;

-- name: datasets
-- The view leaves out what is being imported at this moment.
SELECT dataset_id, name, image_size, num_images, fingerprint FROM datasets ORDER BY dataset_id;

-- name: runs
-- Newest first. The distance is the one measured last.
SELECT run_id, name, status, dataset_id, current_iteration AS iteration,
       (config->>'target_iterations')::integer AS target_iterations, total_images,
       (SELECT distance FROM gan.loss_history AS h WHERE h.run_id = r.run_id AND distance IS NOT NULL
        ORDER BY iteration DESC LIMIT 1) AS distance,
       extract(epoch FROM now() - coordinator_seen_at)::float8 AS coordinator_silent_s,
       coalesce(coordinator_lease_end > now(), false) AS is_coordinated
FROM gan.training_runs AS r WHERE deleted_at IS NULL AND NOT is_rehearsal ORDER BY run_id DESC;

-- name: queue
SELECT (SELECT count(*) FROM gan.work_units WHERE run_id = %(run_id)s AND status = 'in_progress'
        AND lease_expires_at > now())::integer AS num_units_out,
       (SELECT count(*) FROM gan.work_units WHERE run_id = %(run_id)s AND (status = 'pending'
        OR (status = 'in_progress' AND lease_expires_at <= now())))::integer AS num_units_returned,
       (SELECT count(*) FROM gan.updates WHERE run_id = %(run_id)s AND status = 'handed_in')::integer
        AS num_updates_waiting;

-- name: samples
SELECT iteration, png FROM gan.samples WHERE run_id = %(run_id)s AND iteration > %(after)s ORDER BY iteration;

-- name: workers
SELECT w.worker_id, w.name, a.display_name AS owner, w.hostname, w.gpu_name, w.state, w.state_detail::text,
       t.total_work_units AS num_units, t.total_images AS num_images,
       coalesce(w.images_per_second, 0) AS images_per_second, t.on_hold_reason, w.last_error, w.program_version,
       extract(epoch FROM now() - w.last_heartbeat)::float8 AS silent_s, a.withdrawn_at IS NOT NULL AS is_withdrawn,
       a.login AS "user"
FROM gan.workers AS w JOIN gan.worker_totals AS t USING (worker_id)
JOIN gan.accounts AS a ON a.account_id = w.account_id
WHERE NOT a.is_rehearsal
ORDER BY w.state = 'stopped', t.total_images DESC, w.worker_id;

-- name: server
SELECT now() AS at, pg_database_size(current_database()) AS num_bytes;

-- name: traffic
-- Bits a second of the last minute: updates up; for each unit that was handed in, one set of weights down.
SELECT coalesce(8 * sum(u.num_bytes + coalesce(w.num_bytes, 0)) / 60.0, 0)::float8 AS bits_s
FROM gan.updates AS u
LEFT JOIN LATERAL (SELECT num_bytes FROM gan.model_weights AS m WHERE m.run_id = u.run_id AND m.kind = 'live'
                   ORDER BY iteration DESC LIMIT 1) AS w ON true
WHERE u.submitted_at > now() - interval '60 seconds';

-- name: room
-- What the database, or the server as a whole, lets in; and who is on the server for something else.
SELECT CASE WHEN d.datconnlimit >= 0 THEN least(d.datconnlimit, s.allowed) ELSE s.allowed END AS allowed,
       s.reserved, (SELECT count(*) FROM pg_stat_activity WHERE datname <> current_database())::integer AS used_by_others,
       (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database())::integer AS used_by_class
FROM pg_database AS d,
     (SELECT current_setting('max_connections')::integer AS allowed,
             current_setting('superuser_reserved_connections')::integer
             -- PostgreSQL 16 and newer.
             + coalesce(current_setting('reserved_connections', true)::integer, 0) AS reserved) AS s
WHERE d.datname = current_database();
