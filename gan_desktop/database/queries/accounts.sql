-- People: what the class knows of those who log in.

-- name: add_account
INSERT INTO gan.accounts (login, display_name) VALUES (%(login)s, gan.require_name(%(display_name)s))
RETURNING account_id;

-- name: add_to_roster
INSERT INTO gan.roster (account_id, student_id, email, section)
VALUES (%(account_id)s, %(student_id)s, %(email)s, %(section)s);

-- name: change_roster
INSERT INTO gan.roster (account_id, student_id, email, section)
SELECT account_id, %(student_id)s, %(email)s, %(section)s FROM gan.accounts WHERE login = %(login)s
ON CONFLICT (account_id) DO UPDATE
SET student_id = excluded.student_id, email = excluded.email, section = excluded.section;

-- name: hide
UPDATE gan.accounts SET is_hidden = %(is_hidden)s WHERE login = %(login)s;

-- name: students
-- Everybody, by name; a student's last sign of life is that of any of his computers.
SELECT a.login AS user, a.display_name AS name, r.student_id, r.email, r.section, c.kind AS card_kind,
       (SELECT count(*) FROM gan.workers AS w WHERE w.account_id = a.account_id)::integer AS num_workers,
       (SELECT extract(epoch FROM now() - max(w.last_heartbeat))::float8 FROM gan.workers AS w
        WHERE w.account_id = a.account_id) AS silent_s,
       a.withdrawn_at IS NOT NULL AS is_withdrawn, a.is_hidden
FROM gan.accounts AS a LEFT JOIN gan.roster AS r USING (account_id)
LEFT JOIN gan.enrol_cards AS c ON c.card_id = a.card_id
WHERE NOT a.is_rehearsal
ORDER BY lower(a.display_name), a.account_id;

-- name: rename
UPDATE gan.accounts SET display_name = gan.require_name(%(name)s) WHERE login = %(login)s;

-- name: open_account
SELECT account_id FROM gan.accounts WHERE login = %(login)s AND withdrawn_at IS NULL;

-- name: withdraw_account
-- Its computers count among those at work no more, at once.
UPDATE gan.workers SET state = 'stopped', state_detail = '{}'
WHERE account_id = (SELECT account_id FROM gan.accounts WHERE login = %(login)s);
UPDATE gan.accounts SET withdrawn_at = now() WHERE login = %(login)s AND withdrawn_at IS NULL;

-- name: release
-- The instructor has looked at the evidence: the worker may go on.
UPDATE gan.worker_totals SET on_hold_reason = NULL, num_strikes = 0 WHERE worker_id = %(worker_id)s;

-- name: hold
UPDATE gan.worker_totals SET on_hold_reason = %(reason)s WHERE worker_id = %(worker_id)s;
