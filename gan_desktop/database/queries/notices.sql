-- Words between the instructor and the class: messages, events, and what speaks against a worker.

-- name: send
-- For an hour, heartbeats bring it to everybody who has not read it (api/functions.sql).
INSERT INTO gan.messages (account_id, text)
VALUES ((SELECT account_id FROM gan.accounts WHERE login = %(login)s), %(text)s);

-- name: add_event
-- For the instructor alone. The newest 10,000 stay.
INSERT INTO gan.events (run_id, worker_id, kind, message)
VALUES (%(run_id)s, %(worker_id)s, %(kind)s, %(message)s);
DELETE FROM gan.events WHERE event_id <= (SELECT max(event_id) FROM gan.events) - 10000;

-- name: people_there
SELECT count(DISTINCT account_id)::integer AS num FROM gan.workers JOIN gan.accounts USING (account_id)
WHERE state <> 'stopped' AND last_heartbeat > now() - interval '1 minute' AND NOT is_rehearsal AND login = coalesce(%(login)s, login);

-- name: events
SELECT e.event_id, e.run_id, e.created_at, e.kind, e.message, w.name AS worker_name
FROM gan.events AS e LEFT JOIN gan.workers AS w USING (worker_id)
ORDER BY e.event_id DESC LIMIT %(count)s;

-- name: find_workers
-- By number, by its own name, or by its owner's.
SELECT w.worker_id, w.name, a.display_name AS owner, t.on_hold_reason
FROM gan.workers AS w JOIN gan.worker_totals AS t USING (worker_id) JOIN gan.accounts AS a ON a.account_id = w.account_id
WHERE w.worker_id = %(named)s OR lower(w.name) = lower(%(named)s) OR lower(a.display_name) = lower(%(named)s)
ORDER BY w.worker_id;

-- name: evidence
-- The newest updates of a worker that did not count.
SELECT submitted_at AS at, unit_id, iteration, num_images, num_steps, reason, norm, loss_g, loss_d, stopped_early
FROM gan.updates WHERE worker_id = %(worker_id)s AND status = 'not_counted' ORDER BY update_id DESC LIMIT 10;

-- name: record
SELECT count(*) FILTER (WHERE status IN ('counted', 'late'))::integer AS num_accepted,
       count(*) FILTER (WHERE status = 'not_counted')::integer AS num_refused
FROM gan.updates WHERE worker_id = %(worker_id)s;
