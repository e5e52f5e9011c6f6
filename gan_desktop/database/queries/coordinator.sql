-- What the coordinator does with the class's tables.
--
-- Its right to publish is a lease with a token: every publishing statement asks
-- "coordinator_token = mine AND current_iteration = k" in its own transaction. Two coordinators can
-- therefore never both publish, however long one of them was asleep.

-- name: create_run
INSERT INTO gan.training_runs (name, dataset_id, config, max_update_bytes, is_rehearsal)
VALUES (%(name)s, %(dataset_id)s, %(config)s, %(max_update_bytes)s, %(is_rehearsal)s) RETURNING run_id;

-- name: create_cursors
-- One cursor per shard that is learned from, in the seeded order of epoch 0.
INSERT INTO gan.epoch_cursors (run_id, shard_id, num_images, order_key)
SELECT %(run_id)s, shard_id, num_images, gan.shard_order(%(seed)s, 0, shard_id)
FROM gan.dataset_shards WHERE dataset_id = %(dataset_id)s AND NOT is_held_out;

-- name: set_status
UPDATE gan.training_runs AS r SET status = %(status)s,
    started_at = CASE WHEN %(status)s = 'running' THEN coalesce(started_at, now()) ELSE started_at END,
    finished_at = CASE WHEN %(status)s = 'complete' THEN coalesce(finished_at, now()) END
WHERE run_id = %(run_id)s AND status = ANY (%(allowed)s)
  AND (%(status)s = 'complete' OR NOT EXISTS (SELECT 1 FROM gan.training_runs AS other
       WHERE other.run_id <> r.run_id AND other.status IN ('running', 'paused')
         AND other.is_rehearsal = r.is_rehearsal));

-- name: run
SELECT run_id, name, status, current_iteration AS iteration, 0 AS epoch, dataset_id, config, restarted_at
FROM gan.training_runs WHERE run_id = %(run_id)s AND deleted_at IS NULL;

-- name: lock_run
-- The same until the transaction's end: two who change one training do so one after the other.
SELECT run_id, name, status, current_iteration AS iteration, 0 AS epoch, dataset_id, config, restarted_at
FROM gan.training_runs WHERE run_id = %(run_id)s AND deleted_at IS NULL FOR NO KEY UPDATE;

-- name: change_config
-- Updates that were coded before are still on their way: what was allowed for them stays allowed.
UPDATE gan.training_runs
SET config = config || %(changes)s, max_update_bytes = greatest(max_update_bytes, %(max_update_bytes)s)
WHERE run_id = %(run_id)s;

-- name: unfinished_run
-- The run a coordinator takes up when none is named: the active one, else the newest created.
SELECT run_id FROM gan.training_runs WHERE status <> 'complete' AND deleted_at IS NULL AND NOT is_rehearsal
ORDER BY (status IN ('running', 'paused')) DESC, run_id DESC LIMIT 1;

-- name: run_named
SELECT run_id FROM gan.training_runs WHERE name = %(name)s AND deleted_at IS NULL AND NOT is_rehearsal ORDER BY run_id DESC LIMIT 1;

-- name: hide_run
-- Not one that a coordinator still credits the last units of.
UPDATE gan.training_runs SET deleted_at = now(), status = 'complete'
WHERE run_id = %(run_id)s AND deleted_at IS NULL AND status IN ('created', 'complete')
  AND (coordinator_token IS NULL OR coordinator_lease_end < now());

-- name: empty_run
DELETE FROM gan.model_weights WHERE run_id = %(run_id)s;
DELETE FROM gan.optimizer_state WHERE run_id = %(run_id)s;
DELETE FROM gan.samples WHERE run_id = %(run_id)s;
DELETE FROM gan.loss_history WHERE run_id = %(run_id)s;
DELETE FROM gan.epoch_cursors WHERE run_id = %(run_id)s;
DELETE FROM gan.update_payloads AS p USING gan.updates AS n
WHERE n.update_id = p.update_id AND n.run_id = %(run_id)s;

-- name: delete_unworked_run
DELETE FROM gan.training_runs AS r WHERE run_id = %(run_id)s
  AND NOT EXISTS (SELECT 1 FROM gan.updates AS n WHERE n.run_id = r.run_id);

-- name: take_lease
UPDATE gan.training_runs
SET coordinator_token = %(token)s, coordinator_lease_end = now() + %(lease_seconds)s * interval '1 second',
    coordinator_seen_at = now()
WHERE run_id = %(run_id)s
  AND (coordinator_token IS NULL OR coordinator_token = %(token)s OR coordinator_lease_end < now());

-- name: renew_lease
UPDATE gan.training_runs
SET coordinator_lease_end = now() + %(lease_seconds)s * interval '1 second', coordinator_seen_at = now()
WHERE run_id = %(run_id)s AND coordinator_token = %(token)s;

-- name: holder_seen
-- Of the coordinator that holds the run now, by the server's clock.
SELECT coordinator_seen_at AS seen_at FROM gan.training_runs WHERE run_id = %(run_id)s;

-- name: drop_lease
UPDATE gan.training_runs SET coordinator_token = NULL, coordinator_lease_end = NULL
WHERE run_id = %(run_id)s AND coordinator_token = %(token)s;

-- name: situation
-- Accounts that contribute now: whoever has paused, or waits on hold, is not waited for.
SELECT r.status, r.current_iteration AS iteration, r.go_back_to, r.config,
    (SELECT count(DISTINCT w.account_id) FROM gan.workers AS w WHERE w.last_heartbeat > now() - interval '1 minute'
        AND NOT gan.is_on_hold(w.account_id) AND w.state IN ('claiming', 'loading', 'computing', 'uploading', 'finishing',
                                                 'waiting_none_free'))::integer AS num_contributors,
    -- A prefetched unit's time begins when its worker has handed in the one before. One value for each
    -- account: who hands in many small units does not speak for the others.
    (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM (
        SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM submitted_at - began_at)) AS seconds
        FROM (SELECT n.account_id, n.submitted_at, greatest(
                     (SELECT u.claimed_at FROM gan.work_units AS u WHERE u.id = n.unit_id),
                     lag(n.submitted_at) OVER (PARTITION BY n.worker_id ORDER BY n.update_id)) AS began_at
              -- The newest ones first, and as many again for the hand-ins before them: this is asked four times a
              -- second, and must not take longer the longer a training goes on.
              FROM (SELECT * FROM gan.updates WHERE run_id = r.run_id ORDER BY update_id DESC LIMIT 400) AS n
              ORDER BY n.update_id DESC LIMIT 200) AS recent
        GROUP BY account_id) AS by_account) AS median_unit_seconds
FROM gan.training_runs AS r WHERE r.run_id = %(run_id)s;

-- name: pending_updates
SELECT n.*, extract(epoch FROM n.submitted_at - u.claimed_at)::float8 AS unit_seconds,
       extract(epoch FROM now() - n.submitted_at)::float8 AS waited_seconds
FROM gan.updates AS n JOIN gan.work_units AS u ON u.id = n.unit_id
WHERE n.run_id = %(run_id)s AND n.status = 'handed_in' ORDER BY n.update_id;

-- name: update_payload
SELECT payload FROM gan.update_payloads WHERE update_id = %(update_id)s

-- name: unit_of_update
SELECT u.seed, u.ranges, u.num_images FROM gan.work_units AS u JOIN gan.updates AS n ON n.unit_id = u.id
WHERE n.update_id = %(update_id)s;

-- name: norm_history
-- The norms of the newest updates that counted, with their step counts: one for each account in each
-- iteration, so that nobody can make his own history the class's.
SELECT num_steps, norm FROM (
    SELECT DISTINCT ON (merged_into, account_id) merged_into, num_steps, norm FROM gan.updates
    WHERE run_id = %(run_id)s AND status = 'counted' AND norm IS NOT NULL
      AND merged_into > (SELECT current_iteration FROM gan.training_runs WHERE run_id = %(run_id)s) - 200
    ORDER BY merged_into DESC, account_id, num_images DESC) AS one_each
ORDER BY merged_into DESC LIMIT 200;

-- name: may_advance
-- Asked before the long transfers; the fence itself is `advance`.
SELECT run_id FROM gan.training_runs
WHERE run_id = %(run_id)s AND coordinator_token = %(token)s AND current_iteration = %(iteration)s - 1;

-- name: advance
-- The fence: no row is touched if another coordinator holds the run or the iteration has moved on.
UPDATE gan.training_runs
SET current_iteration = %(iteration)s, total_images = total_images + %(num_images)s,
    generator_loss = coalesce(%(loss_g)s, generator_loss),
    discriminator_loss = coalesce(%(loss_d)s, discriminator_loss),
    d_real = coalesce(%(d_real)s, d_real), d_fake = coalesce(%(d_fake)s, d_fake)
WHERE run_id = %(run_id)s AND coordinator_token = %(token)s AND current_iteration = %(iteration)s - 1;

-- name: go_back
-- Updates on the weights that were left come too late from now on; see `Coordination.publish`.
UPDATE gan.training_runs SET restarted_at = %(iteration)s, go_back_to = NULL
WHERE run_id = %(run_id)s AND coordinator_token = %(token)s;

-- name: forget_going_back
UPDATE gan.training_runs SET go_back_to = NULL WHERE run_id = %(run_id)s AND coordinator_token = %(token)s;

-- name: return_unbegun_units
-- Nothing is computed of these yet, so that nothing is lost. Those in work go on to their end.
SELECT gan.return_unit(id) FROM (SELECT id FROM gan.work_units
    WHERE run_id = %(run_id)s AND status = 'in_progress' AND num_images_done = 0 FOR UPDATE) AS unbegun;

-- name: decide
UPDATE gan.updates SET status = %(status)s, reason = %(reason)s, norm = %(norm)s, weight = %(weight)s,
    merged_into = %(iteration)s, decided_at = clock_timestamp()
WHERE update_id = %(update_id)s AND status = 'handed_in';

-- name: credit
-- Only what was accepted is credited, at most the unit's images, and no more time than has passed
-- since the worker's hand-in before. One acceptable update ends a series of strikes.
WITH credited AS (
    UPDATE gan.updates AS n
    SET credited_seconds = least(n.compute_seconds, extract(epoch FROM n.submitted_at - greatest(u.claimed_at,
        (SELECT max(before.submitted_at) FROM gan.updates AS before
         WHERE before.worker_id = n.worker_id AND before.update_id < n.update_id))))
    FROM gan.work_units AS u WHERE u.id = n.unit_id AND n.update_id = %(update_id)s
    RETURNING n.worker_id, n.num_steps, n.num_images, n.stopped_early, n.credited_seconds)
UPDATE gan.worker_totals AS t
SET total_work_units = total_work_units + 1, total_batches = total_batches + c.num_steps,
    total_images = total_images + c.num_images, total_seconds = total_seconds + c.credited_seconds,
    num_strikes = CASE WHEN c.stopped_early THEN num_strikes ELSE 0 END
FROM credited AS c WHERE t.worker_id = c.worker_id;

-- name: strike
UPDATE gan.worker_totals AS t SET num_strikes = num_strikes + 1,
    on_hold_reason = CASE WHEN num_strikes + 1 >= 3 THEN coalesce(on_hold_reason, %(reason)s) ELSE on_hold_reason END
FROM gan.updates AS n WHERE n.update_id = %(update_id)s AND t.worker_id = n.worker_id
RETURNING t.worker_id, t.num_strikes;

-- name: drop_payload
DELETE FROM gan.update_payloads WHERE update_id = %(update_id)s;

-- name: drop_state
DELETE FROM gan.optimizer_state WHERE run_id = %(run_id)s;

-- name: state_payload
SELECT payload FROM gan.optimizer_state WHERE run_id = %(run_id)s

-- name: add_history
INSERT INTO gan.loss_history (run_id, iteration, epoch, num_updates, num_images, generator_loss, discriminator_loss,
                              d_real, d_fake)
SELECT %(run_id)s, %(iteration)s, coalesce(min(epoch), 0), %(num_updates)s, %(num_images)s, %(loss_g)s, %(loss_d)s,
       %(d_real)s, %(d_fake)s
FROM gan.epoch_cursors WHERE run_id = %(run_id)s;

-- name: prune_weights
-- Kept: the newest, and the checkpoints.
DELETE FROM gan.model_weights WHERE run_id = %(run_id)s AND iteration < %(iteration)s AND NOT is_checkpoint;

-- name: set_distance
UPDATE gan.loss_history SET distance = %(distance)s WHERE run_id = %(run_id)s AND iteration = %(iteration)s;

-- name: add_sample
INSERT INTO gan.samples (run_id, iteration, png) VALUES (%(run_id)s, %(iteration)s, %(png)s)
ON CONFLICT (run_id, iteration) DO UPDATE SET png = excluded.png;

-- name: thin_samples
-- A grid of every iteration would fill the database in a long run. The newest 50 stay, those of kept iterations,
-- and how it began: the first 32, every second up to the 64th, every fourth up to the 128th, and so on.
DELETE FROM gan.samples AS s
USING (SELECT run_id, greatest(1, coalesce((config->>'sample_every')::integer, 1)) AS every
       FROM gan.training_runs WHERE run_id = %(run_id)s) AS r
WHERE s.run_id = r.run_id AND s.iteration / every <= %(iteration)s / every - 50
  AND (s.iteration / every) %% (1 << floor(log(2, greatest(s.iteration / every, 16) / 16.0))::integer) <> 0
  AND NOT EXISTS (SELECT 1 FROM gan.model_weights AS w
                  WHERE w.run_id = s.run_id AND w.iteration = s.iteration AND w.is_checkpoint);

-- name: add_event
INSERT INTO gan.events (run_id, worker_id, kind, message, is_public)
VALUES (%(run_id)s, %(worker_id)s, %(kind)s, %(message)s, %(is_public)s);

-- name: thin_events
-- The newest 10,000 stay.
DELETE FROM gan.events WHERE event_id <= (SELECT max(event_id) FROM gan.events) - 10000;

-- name: end_stuck_sessions
-- A student may switch off every timeout of his own sessions; this he cannot switch off.
SELECT pg_terminate_backend(a.pid) AS ended, a.usename AS login
FROM pg_stat_activity AS a
JOIN (SELECT login FROM gan.accounts UNION ALL SELECT login FROM gan.enrol_cards WHERE withdrawn_at IS NULL) AS c
  ON c.login = a.usename
WHERE a.datname = current_database()
  AND (a.xact_start < now() - interval '15 minutes'
       OR (a.state LIKE 'idle in transaction%%' AND a.state_change < now() - %(idle_seconds)s * interval '1 second'));

-- name: writing_students
-- Whoever writes locks rows that others wait for; every call of a worker, or of a card, is over in milliseconds.
SELECT a.pid, a.backend_xid::text AS transaction
FROM pg_stat_activity AS a
JOIN (SELECT login FROM gan.accounts UNION ALL SELECT login FROM gan.enrol_cards WHERE withdrawn_at IS NULL) AS c
  ON c.login = a.usename
WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL;

-- name: end_writing_sessions
SELECT pg_terminate_backend(a.pid) AS ended, a.usename AS login
FROM pg_stat_activity AS a WHERE a.pid = ANY (%(pids)s) AND a.backend_xid::text = ANY (%(transactions)s);

-- name: drop_stale_payloads
-- Updates of runs that nobody will merge any more.
DELETE FROM gan.update_payloads AS p USING gan.updates AS n JOIN gan.training_runs AS r USING (run_id)
WHERE n.update_id = p.update_id AND r.status = 'complete' AND r.finished_at < now() - interval '1 hour';

-- name: open_leases
SELECT count(*)::integer AS num FROM gan.work_units
WHERE run_id = %(run_id)s AND status = 'in_progress' AND lease_expires_at > now();
