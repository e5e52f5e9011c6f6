-- The end of a course, as the class's coordinator role.

-- name: steps
SELECT step, done_at, place FROM gan.closing_steps ORDER BY done_at, step;

-- name: record
-- Done again, a step has its newest time.
INSERT INTO gan.closing_steps (step, place) VALUES (%(step)s, left(%(place)s, 1000))
ON CONFLICT (step) DO UPDATE SET done_at = now(), place = excluded.place;

-- name: forget
DELETE FROM gan.closing_steps WHERE step = ANY (%(steps)s);

-- name: facts
-- What each step would do. A login that is closed exists, but lets nobody in.
SELECT (SELECT title FROM gan.class) AS title,
       (SELECT count(*) FROM gan.accounts WHERE withdrawn_at IS NULL AND NOT is_rehearsal)::integer AS num_students,
       (SELECT count(*) FROM gan.accounts JOIN pg_roles ON rolname = login AND rolcanlogin
        WHERE withdrawn_at IS NULL)::integer AS num_open_logins,
       (SELECT count(*) FROM gan.enrol_cards WHERE withdrawn_at IS NULL)::integer AS num_cards,
       (SELECT count(*) FROM gan.training_runs WHERE status IN ('running', 'paused') AND deleted_at IS NULL
        AND NOT is_rehearsal)::integer AS num_trainings,
       (SELECT count(*) FROM gan.work_units AS u JOIN gan.workers AS w USING (worker_id)
        WHERE u.status = 'in_progress' AND u.lease_expires_at > now()
          AND w.last_heartbeat > now() - interval '20 seconds')::integer AS num_out,
       (SELECT count(*) FROM gan.updates WHERE status = 'handed_in')::integer AS num_waiting,
       pg_database_size(current_database()) AS num_bytes;

-- name: open_runs
SELECT run_id FROM gan.training_runs WHERE status IN ('running', 'paused') AND deleted_at IS NULL ORDER BY run_id;

-- name: people_logins
SELECT login FROM gan.accounts JOIN pg_roles ON rolname = login WHERE withdrawn_at IS NULL ORDER BY account_id;

-- name: all_logins
-- Of people who take or took part, and of cards that are still in use, as far as they exist.
SELECT login FROM (SELECT login FROM gan.accounts UNION
                   SELECT login FROM gan.enrol_cards WHERE withdrawn_at IS NULL) AS known
JOIN pg_roles ON rolname = login ORDER BY login;

-- name: stop_workers
-- Whose login is closed counts no more among those at work.
UPDATE gan.workers SET state = 'stopped', state_detail = '{}' WHERE state <> 'stopped';
