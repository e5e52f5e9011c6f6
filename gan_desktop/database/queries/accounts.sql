-- People: their logins are roles, made by the coordinator (CREATEROLE).

-- name: create_login
CREATE ROLE {login} LOGIN PASSWORD {verifier} CONNECTION LIMIT {limit} IN ROLE {student};

-- name: may_end_sessions
-- PostgreSQL 16 and newer: the maker of a role may end its sessions only as an inheriting member.
GRANT {login} TO CURRENT_USER WITH INHERIT TRUE, SET FALSE;

-- name: may_end_sessions_before_16
GRANT {login} TO CURRENT_USER;

-- name: add_account
INSERT INTO gan.accounts (login, display_name) VALUES (%(login)s, %(display_name)s) RETURNING account_id;

-- name: open_account
SELECT account_id FROM gan.accounts WHERE login = %(login)s AND withdrawn_at IS NULL;

-- name: withdraw_account
UPDATE gan.accounts SET withdrawn_at = now() WHERE login = %(login)s AND withdrawn_at IS NULL;

-- name: forbid_login
ALTER ROLE {login} NOLOGIN;

-- name: change_password
ALTER ROLE {login} PASSWORD {verifier};

-- name: end_sessions
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = %(login)s AND pid <> pg_backend_pid();

-- name: release
-- The instructor has looked at the evidence: the worker may go on.
UPDATE gan.worker_totals SET on_hold_reason = NULL, num_strikes = 0 WHERE worker_id = %(worker_id)s;

-- name: hold
UPDATE gan.worker_totals SET on_hold_reason = %(reason)s WHERE worker_id = %(worker_id)s;
