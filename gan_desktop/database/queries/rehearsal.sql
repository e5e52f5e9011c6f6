-- What a rehearsal leaves is removed whole: no class keeps virtual students among its people.

-- name: ended_run
-- While it is the class's training, somebody may be at work in it.
SELECT run_id FROM gan.training_runs WHERE run_id = %(run_id)s AND status IN ('created', 'complete');

-- name: forget_run
-- Units, updates, weights, history, samples and events go with it.
DELETE FROM gan.training_runs WHERE run_id = %(run_id)s;

-- name: forget_workers
DELETE FROM gan.workers AS w USING gan.accounts AS a
WHERE a.account_id = w.account_id AND a.login = ANY (%(logins)s);

-- name: forget_accounts
DELETE FROM gan.accounts WHERE login = ANY (%(logins)s);
