-- Who did what, counted from the record of each unit: the same that a student sees of himself.

-- name: credit
-- One row per person. A unit belongs to the day on which it was handed in, by the server's clock. Its time is
-- never more than has passed since the hand-in before.
SELECT a.login AS user, a.display_name AS name, r.student_id, r.email, r.section, a.withdrawn_at IS NOT NULL AS has_left,
       count(*) FILTER (WHERE n.status = 'counted')::integer AS num_counted,
       coalesce(sum(n.num_images) FILTER (WHERE n.status = 'counted'), 0)::bigint AS images_counted,
       count(*) FILTER (WHERE n.status = 'late')::integer AS num_late,
       coalesce(sum(n.num_images) FILTER (WHERE n.status = 'late'), 0)::bigint AS images_late,
       count(*) FILTER (WHERE n.status = 'not_counted')::integer AS num_not_counted,
       count(*) FILTER (WHERE n.status = 'handed_in')::integer AS num_waiting,
       (coalesce(sum(n.credited_seconds), 0) / 3600)::float8 AS active_hours,
       min(n.submitted_at) FILTER (WHERE n.status IN ('counted', 'late')) AS first_at,
       max(n.submitted_at) FILTER (WHERE n.status IN ('counted', 'late')) AS last_at
FROM gan.accounts AS a LEFT JOIN gan.roster AS r USING (account_id)
LEFT JOIN gan.updates AS n ON n.account_id = a.account_id
    AND (%(since)s::date IS NULL OR n.submitted_at >= %(since)s::date)
    AND (%(until)s::date IS NULL OR n.submitted_at < %(until)s::date + 1)
WHERE NOT a.is_rehearsal
GROUP BY a.account_id, r.account_id
HAVING a.withdrawn_at IS NULL OR count(n.update_id) > 0
ORDER BY lower(a.display_name), a.account_id;

-- name: units
-- One person's units, the newest first, and what became of each: the same rows that the person's own program reads.
SELECT n.unit_id, t.name AS training, n.iteration, w.name AS computer, n.num_images, n.status, n.reason,
       n.compute_seconds, n.credited_seconds, n.submitted_at AS handed_in_at
FROM gan.updates AS n JOIN gan.accounts AS a USING (account_id) JOIN gan.training_runs AS t USING (run_id)
LEFT JOIN gan.workers AS w ON w.worker_id = n.worker_id
WHERE a.login = %(user)s
  AND (%(since)s::date IS NULL OR n.submitted_at >= %(since)s::date)
  AND (%(until)s::date IS NULL OR n.submitted_at < %(until)s::date + 1)
ORDER BY n.update_id DESC;

-- name: guide
-- What one computer has done, as the guide asks for it: every student may, of his own computers.
SELECT worker_id, total_images, total_work_units, last_heartbeat FROM workers WHERE worker_id = '...';

-- name: time_zone
SELECT current_setting('TimeZone') AS name;
