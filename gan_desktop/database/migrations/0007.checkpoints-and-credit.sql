-- Going back to a checkpoint, putting trainings away, and credit that is written down unit by unit.

ALTER TABLE training_runs
    -- The instructor's wish: the coordinator publishes this iteration's weights as its next one.
    ADD COLUMN go_back_to   integer,
    -- The iteration at which the training went back last: updates on older weights come too late for it.
    ADD COLUMN restarted_at integer NOT NULL DEFAULT 0,
    -- Put away: weights, faces and curves are deleted, the students' units stay for their credit.
    ADD COLUMN deleted_at   timestamptz;

-- The newest updates of a run, which the coordinator looks at again and again.
CREATE INDEX updates_by_run ON updates (run_id, update_id);

-- The time that one accepted unit was credited with: never more than has passed since the worker's
-- hand-in before, whatever the worker told. The sum of these is a worker's total_seconds.
ALTER TABLE updates ADD COLUMN credited_seconds double precision;

UPDATE updates AS n SET credited_seconds = told.seconds
FROM (SELECT u.update_id, least(u.compute_seconds, extract(epoch FROM u.submitted_at - greatest(w.claimed_at,
             max(u.submitted_at) OVER (PARTITION BY u.worker_id ORDER BY u.update_id
                                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)))) AS seconds
      FROM updates AS u JOIN work_units AS w ON w.id = u.unit_id) AS told
WHERE told.update_id = n.update_id AND n.status IN ('counted', 'late');

-- The accounts that gave a unit back, and when that last counted as an attempt (api/functions.sql, return_unit).
ALTER TABLE work_units
    ADD COLUMN given_back_by integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN given_back_at timestamptz;
