-- What an instructor watches in a lesson: units on their way, whose work an iteration holds, who has handed in.

-- name: clock
SELECT now() AS at;

-- name: units_on_their_way
-- In students' hands; handed in; and what the newest iteration was made of.
SELECT unit_id, "user", name, stage, num_images, num_done FROM (
    SELECT u.id AS unit_id, a.login AS "user", a.display_name AS name, 'in_work' AS stage, u.num_images,
           u.num_images_done AS num_done
    FROM gan.work_units AS u JOIN gan.workers AS w USING (worker_id)
    JOIN gan.accounts AS a ON a.account_id = w.account_id
    WHERE u.run_id = %(run_id)s AND u.status = 'in_progress' AND u.lease_expires_at > now()
    UNION ALL
    SELECT n.unit_id, a.login, a.display_name, 'handed_in', n.num_images, n.num_images
    FROM gan.updates AS n JOIN gan.accounts AS a USING (account_id)
    WHERE n.run_id = %(run_id)s AND n.status = 'handed_in'
    UNION ALL
    SELECT n.unit_id, a.login, a.display_name, 'merged', n.num_images, n.num_images
    FROM gan.updates AS n JOIN gan.accounts AS a USING (account_id)
    WHERE n.run_id = %(run_id)s AND n.status = 'counted'
      AND n.merged_into = (SELECT current_iteration FROM gan.training_runs WHERE run_id = %(run_id)s)) AS units
ORDER BY unit_id;

-- name: round
-- How far the round through all pictures has come that the last shards are in: a shard that is used up goes on to
-- the next one by itself. And the units of any round that came back undone.
SELECT r.epoch, (sum(CASE WHEN c.epoch > r.epoch THEN c.num_images ELSE c.next_position END)::float8
                 / sum(c.num_images)) AS share_given_out,
       (SELECT count(*) FROM gan.work_units WHERE run_id = %(run_id)s AND (status = 'pending'
        OR (status = 'in_progress' AND lease_expires_at <= now())))::integer AS num_returned
FROM gan.epoch_cursors AS c,
     (SELECT min(epoch) AS epoch FROM gan.epoch_cursors WHERE run_id = %(run_id)s) AS r
WHERE c.run_id = %(run_id)s GROUP BY r.epoch;

-- name: merged_people
-- In the order in which their work was merged; nobody who does not wish to be named.
SELECT a.display_name AS name FROM gan.updates AS n JOIN gan.accounts AS a USING (account_id)
WHERE n.run_id = %(run_id)s AND n.merged_into = %(iteration)s AND n.status = 'counted' AND NOT a.is_hidden
GROUP BY a.account_id, a.display_name ORDER BY min(n.update_id);

-- name: handing_in
-- Everybody who was there when the lesson's end was asked for, or has come since.
--
-- num_open: units that are still computed or on their way here. num_lost: units whose lease ran out after the end
-- was asked for; while a training is paused nobody takes them, so that they can still be told from the others.
SELECT a.login AS "user", a.display_name AS name, coalesce(held.num_open, 0)::integer AS num_open,
       coalesce(held.num_lost, 0)::integer AS num_lost, there.silent_s
FROM gan.accounts AS a
JOIN (SELECT account_id, extract(epoch FROM now() - max(last_heartbeat))::float8 AS silent_s,
             bool_or(last_heartbeat > %(asked_at)s - interval '1 minute'
                     AND (state <> 'stopped' OR last_heartbeat > %(asked_at)s)) AS was_there
      FROM gan.workers GROUP BY account_id) AS there USING (account_id)
LEFT JOIN (SELECT w.account_id, count(*) FILTER (WHERE u.lease_expires_at > now()) AS num_open,
                  count(*) FILTER (WHERE u.lease_expires_at BETWEEN %(asked_at)s AND now()) AS num_lost
           FROM gan.work_units AS u JOIN gan.workers AS w USING (worker_id)
           WHERE u.run_id = %(run_id)s AND u.status = 'in_progress' GROUP BY w.account_id) AS held USING (account_id)
WHERE NOT a.is_rehearsal AND (there.was_there OR held.num_open > 0 OR held.num_lost > 0)
ORDER BY lower(a.display_name), a.account_id;

-- name: left_to_merge
SELECT current_iteration AS iteration, (SELECT count(*) FROM gan.updates AS n
       WHERE n.run_id = r.run_id AND n.status = 'handed_in')::integer AS num_waiting
FROM gan.training_runs AS r WHERE run_id = %(run_id)s;
