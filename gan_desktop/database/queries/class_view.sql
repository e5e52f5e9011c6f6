-- What a student's window shows of the class. The views themselves are explained in api/views.sql.
--
-- Ages are taken on the server's clock; the reader turns them into moments of its own.

-- name: totals
SELECT i.title, t.num_computers, t.num_people, t.images_per_second, t.num_images, t.num_units,
       extract(epoch FROM i.ended_at)::float8 AS ended_at, i.has_moved
FROM class_info AS i, class_totals AS t;

-- name: training
-- Asked every few seconds: cheap, and it tells whether all else is worth asking for again.
SELECT r.run_id, r.name, r.status, r.current_iteration AS iteration, s.current_epoch AS epoch, r.dataset_id, r.config,
       s.total_images AS num_images,
       extract(epoch FROM now() - h.created_at)::float8 AS age_s,
       extract(epoch FROM now() - s.coordinator_seen_at)::float8 AS coordinator_silent_s
FROM training_state AS s JOIN training_runs AS r USING (run_id)
LEFT JOIN loss_history AS h ON h.run_id = r.run_id AND h.iteration = r.current_iteration;

-- name: credit
-- A person's own row of the score board, by what became of each unit. `today` began at the person's midnight.
SELECT coalesce(sum(num_images) FILTER (WHERE is_credited AND is_today), 0)::bigint AS images_today,
       count(*) FILTER (WHERE is_credited AND is_today) AS units_today,
       coalesce(sum(credited_seconds) FILTER (WHERE is_credited AND is_today), 0) AS seconds_today,
       coalesce(sum(num_images) FILTER (WHERE is_credited), 0)::bigint AS images,
       count(*) FILTER (WHERE is_credited) AS units,
       coalesce(sum(credited_seconds) FILTER (WHERE is_credited), 0) AS seconds,
       count(*) FILTER (WHERE status = 'handed_in') AS num_waiting,
       count(*) FILTER (WHERE status = 'late') AS num_late,
       count(*) FILTER (WHERE status = 'not_counted') AS num_not_counted
FROM (SELECT num_images, credited_seconds, status, status IN ('counted', 'late') AS is_credited,
             submitted_at >= now() - %(since_midnight_s)s * interval '1 second' AS is_today
      FROM gradients) AS mine;

-- name: units
-- This person's newest units, and what became of them.
SELECT unit_id, iteration, num_images, status, reason, compute_seconds,
       extract(epoch FROM now() - submitted_at)::float8 AS age_s
FROM gradients ORDER BY update_id DESC LIMIT 20;

-- name: leaderboard
SELECT name, units AS num_units, images AS num_images, seconds, is_working, is_me
FROM leaderboard ORDER BY seconds DESC, images DESC, name;

-- name: history
-- The iterations from %(first)s on; the newest known one is asked for again: its distance may have come meanwhile.
SELECT iteration, so_far.total_images, generator_loss AS loss_g, discriminator_loss AS loss_d, d_real, d_fake,
       distance, num_joined
FROM loss_history JOIN (
    SELECT iteration, (sum(num_images) OVER (ORDER BY iteration))::bigint AS total_images
    FROM loss_history WHERE run_id = %(run_id)s) AS so_far USING (iteration)
WHERE run_id = %(run_id)s AND iteration >= %(first)s ORDER BY iteration;

-- name: sample_iterations
SELECT iteration FROM samples WHERE run_id = %(run_id)s ORDER BY iteration;

-- name: sample
SELECT png AS payload FROM samples WHERE run_id = %(run_id)s AND iteration = %(iteration)s

-- name: events
SELECT event_id, kind, message, extract(epoch FROM now() - created_at)::float8 AS age_s
FROM events ORDER BY event_id DESC LIMIT 50;

-- name: messages
SELECT message_id, text, is_for_me_alone, extract(epoch FROM now() - sent_at)::float8 AS age_s
FROM messages ORDER BY message_id DESC LIMIT 50;
