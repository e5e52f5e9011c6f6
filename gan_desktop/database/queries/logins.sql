-- Roles that people log in with, made by the coordinator's role (CREATEROLE).

-- name: create
CREATE ROLE {login} LOGIN PASSWORD {verifier} CONNECTION LIMIT {limit} IN ROLE {role_group};

-- name: may_end_sessions
-- PostgreSQL 16 and newer: the maker of a role may end its sessions only as an inheriting member.
GRANT {login} TO CURRENT_USER WITH INHERIT TRUE, SET FALSE;

-- name: may_end_sessions_before_16
GRANT {login} TO CURRENT_USER;

-- name: change_password
ALTER ROLE {login} PASSWORD {verifier};

-- name: forbid
ALTER ROLE {login} NOLOGIN;

-- name: allow
ALTER ROLE {login} LOGIN;

-- name: drop
DROP ROLE {login};

-- name: end_sessions
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE usename = ANY(%(logins)s::text[]) AND pid <> pg_backend_pid();

-- name: end_enrolling_sessions
-- An enrolment is over in milliseconds; one that is kept open holds what every new login waits for.
SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a
JOIN gan.enrol_cards AS c ON c.login = a.usename AND c.withdrawn_at IS NULL
WHERE a.datname = current_database() AND a.backend_xid IS NOT NULL AND a.xact_start < now() - interval '1 second';
