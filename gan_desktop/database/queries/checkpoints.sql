-- Kept iterations of a training: its checkpoints, and the newest.

-- name: checkpoints
-- The distance is the one that was measured at that very iteration.
SELECT w.iteration, w.created_at, w.is_checkpoint, w.num_bytes, h.distance, h.generator_loss AS loss_g,
       h.discriminator_loss AS loss_d
FROM gan.model_weights AS w LEFT JOIN gan.loss_history AS h USING (run_id, iteration)
WHERE w.run_id = %(run_id)s AND w.kind = 'live' ORDER BY w.iteration;

-- name: num_images
-- All images that had been learned from at an iteration.
SELECT coalesce(sum(num_images), 0)::bigint AS num FROM gan.loss_history
WHERE run_id = %(run_id)s AND iteration <= %(iteration)s;

-- name: num_computers
-- Computers whose work is in the weights of an iteration.
SELECT count(DISTINCT worker_id) AS num FROM gan.updates
WHERE run_id = %(run_id)s AND status = 'counted' AND merged_into <= %(iteration)s;

-- name: wish
-- The coordinator looks for it in every round; it touches only iterations that can still be gone back to.
UPDATE gan.training_runs AS r SET go_back_to = %(iteration)s
WHERE run_id = %(run_id)s AND status IN ('running', 'paused') AND %(iteration)s < current_iteration
  AND EXISTS (SELECT 1 FROM gan.model_weights AS w WHERE w.run_id = r.run_id AND w.iteration = %(iteration)s);

-- name: wish_open
SELECT go_back_to, restarted_at, current_iteration AS iteration,
       extract(epoch FROM now() - coordinator_seen_at)::float8 AS coordinator_silent_s
FROM gan.training_runs WHERE run_id = %(run_id)s;
