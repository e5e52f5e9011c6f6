-- What a rehearsal does with the class's tables beside its training, and how it is removed: no class keeps virtual
-- students among its people. Everything of a rehearsal bears the mark `is_rehearsal`.

-- name: mark_students
UPDATE gan.accounts SET is_rehearsal = true WHERE login = ANY (%(logins)s);

-- name: training_in_progress
SELECT name FROM gan.training_runs WHERE status = 'running' AND NOT is_rehearsal;

-- name: traces
-- Of a rehearsal that goes on, or that a killed program has left.
SELECT (SELECT count(*) FROM gan.accounts WHERE is_rehearsal)::integer AS num_students,
       (SELECT count(*) FROM gan.training_runs WHERE is_rehearsal)::integer AS num_runs,
       (SELECT extract(epoch FROM now() - max(coalesce(coordinator_seen_at, created_at)))::float8
        FROM gan.training_runs WHERE is_rehearsal) AS silent_s;

-- name: look
SELECT r.current_iteration AS iteration, r.status = 'running' AS is_running,
       (SELECT count(*) FROM gan.updates AS n WHERE n.run_id = r.run_id)::integer AS num_updates,
       (SELECT count(*) FROM gan.updates AS n WHERE n.run_id = r.run_id AND n.status = 'handed_in')::integer AS num_waiting,
       (SELECT count(*) FROM gan.work_units AS u WHERE u.run_id = r.run_id AND u.status = 'failed')::integer AS num_given_up,
       (SELECT count(*) FROM pg_stat_activity AS s JOIN gan.accounts AS a ON a.login = s.usename
        WHERE s.datname = current_database() AND a.is_rehearsal)::integer AS num_connections,
       (SELECT count(DISTINCT account_id) FROM gan.updates AS n WHERE n.run_id = r.run_id)::integer AS num_contributors,
       pg_database_size(current_database()) AS num_bytes,
       (SELECT max(o.name) FROM gan.training_runs AS o WHERE o.status = 'running' AND NOT o.is_rehearsal) AS other_training
FROM gan.training_runs AS r WHERE r.run_id = %(run_id)s;

-- name: units_held
-- Who has how many units in work.
SELECT a.login, array_agg(u.id) AS unit_ids
FROM gan.work_units AS u JOIN gan.workers AS w USING (worker_id) JOIN gan.accounts AS a ON a.account_id = w.account_id
WHERE u.run_id = %(run_id)s AND u.status = 'in_progress' GROUP BY a.login;

-- name: units_missing
-- Of some units, and of what was split off them: those that are not done, and with nobody but these logins.
SELECT count(*)::integer AS num FROM gan.work_units AS u
WHERE (u.id = ANY (%(unit_ids)s) OR u.rest_of = ANY (%(unit_ids)s)) AND NOT (u.status = 'completed'
    OR (u.status = 'in_progress' AND u.lease_expires_at > now() AND u.worker_id NOT IN (
        SELECT w.worker_id FROM gan.workers AS w JOIN gan.accounts AS a USING (account_id) WHERE a.login = ANY (%(logins)s))));

-- name: record_of
SELECT max(t.on_hold_reason) AS on_hold_reason,
       (SELECT count(*) FROM gan.updates AS n WHERE n.account_id = a.account_id AND n.status = 'not_counted')::integer
       AS num_refused,
       (SELECT count(*) FROM gan.updates AS n WHERE n.account_id = a.account_id AND n.status IN ('counted', 'late'))::integer
       AS num_accepted
FROM gan.accounts AS a JOIN gan.worker_totals AS t USING (account_id) WHERE a.login = %(login)s GROUP BY a.account_id;

-- name: logins
SELECT login FROM gan.accounts WHERE is_rehearsal;

-- name: forget_runs
-- Units, updates, weights, history, samples and events go with them.
DELETE FROM gan.training_runs WHERE is_rehearsal;

-- name: forget_words
DELETE FROM gan.events AS e USING gan.workers AS w JOIN gan.accounts AS a USING (account_id)
WHERE e.worker_id = w.worker_id AND a.is_rehearsal;
DELETE FROM gan.messages AS m USING gan.accounts AS a WHERE m.account_id = a.account_id AND a.is_rehearsal;

-- name: forget_workers
DELETE FROM gan.workers AS w USING gan.accounts AS a WHERE a.account_id = w.account_id AND a.is_rehearsal;

-- name: forget_accounts
DELETE FROM gan.accounts WHERE is_rehearsal;
