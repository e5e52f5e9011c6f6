-- Rehearsals: a training of virtual students in the class's own database. The mark keeps both apart from the class:
-- nobody else is given a unit of a rehearsal, and whatever a killed program has left of one is found and removed.
ALTER TABLE accounts ADD COLUMN is_rehearsal boolean NOT NULL DEFAULT false;
ALTER TABLE training_runs ADD COLUMN is_rehearsal boolean NOT NULL DEFAULT false;

-- How much came in during the last minute is asked every two seconds.
CREATE INDEX updates_by_time ON updates (submitted_at);

-- A class trains one network at a time, and rehearses one beside it: a lesson never waits for a rehearsal.
DROP INDEX one_run_at_a_time;
CREATE UNIQUE INDEX one_run_at_a_time ON training_runs (is_rehearsal) WHERE status IN ('running', 'paused');
