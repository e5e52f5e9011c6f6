-- Who has come to the server: asked while the instructor lets another computer connect.

-- name: write_visits_down
-- Whoever knocks stands in the server's log then, with his address, even if he does not log in.
ALTER SYSTEM SET log_connections = 'on';

-- name: no_longer
ALTER SYSTEM RESET log_connections;

-- name: take_settings
-- The server reads its settings again, soon.
SELECT pg_reload_conf();

-- name: sessions
-- Of this class, but for the instructor's own. A role that we are no member of hides its address.
SELECT a.pid, a.usename::text AS login, host(a.client_addr) AS address
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.usename <> current_user;

-- name: blank
-- So many bytes, for a look at how long they take.
SELECT convert_to(repeat('x', %(num_bytes)s), 'UTF8') AS payload
