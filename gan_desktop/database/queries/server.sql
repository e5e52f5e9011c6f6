-- The server behind a class, as the instructor looks at it. Asked as the class's coordinator role.

-- name: version
SELECT current_setting('server_version') AS version, current_setting('ssl') = 'on' AS offers_tls,
       current_setting('listen_addresses', true) AS listening;

-- name: connections
-- Who else is connected: students by their logins, cards that let people in, the class's own programs, and all else.
SELECT count(*) FILTER (WHERE a.account_id IS NOT NULL AND NOT a.is_rehearsal)::integer AS num_students,
       count(*) FILTER (WHERE a.is_rehearsal)::integer AS num_virtual,
       count(*) FILTER (WHERE s.datname = current_database() AND s.usename = session_user)::integer AS num_instructor,
       count(*) FILTER (WHERE s.datname <> current_database())::integer AS num_elsewhere,
       count(*)::integer AS num_all
FROM pg_stat_activity AS s
LEFT JOIN gan.accounts AS a ON a.login = s.usename AND a.withdrawn_at IS NULL AND s.datname = current_database()
WHERE s.datname IS NOT NULL AND s.backend_type = 'client backend' AND s.pid <> pg_backend_pid();

-- name: sizes
-- All tables of the class, with their indexes and large values.
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS num_bytes
FROM pg_class AS c WHERE c.relnamespace = 'gan'::regnamespace AND c.relkind = 'r';

-- name: size
SELECT pg_database_size(current_database()) AS num_bytes;
