-- Roles and doors of a class. Run once, by `class init`; {names} are filled in as quoted identifiers.

-- name: create_owner
-- Owns schema and functions; nobody can log in as it.
CREATE ROLE {owner} NOLOGIN;

-- name: create_coordinator
-- Runs the class. CREATEROLE: it makes the students' logins.
CREATE ROLE {coordinator} LOGIN CREATEROLE PASSWORD {verifier};

-- name: renew_coordinator
-- An init that was cut short is begun again: the password it made was never shown.
ALTER ROLE {coordinator} PASSWORD {verifier};

-- name: create_students
-- The group all students of this class are in; what it may do, every student may.
CREATE ROLE {student} NOLOGIN;

-- name: become_owner
-- The administrator acts as the owner while the schema is made or upgraded.
GRANT {owner} TO CURRENT_USER;

-- name: let_coordinator_admit
GRANT {student} TO {coordinator} WITH ADMIN OPTION;

-- name: close_database
-- Only this class's people come in, and nobody else's objects land here.
REVOKE ALL ON DATABASE {database} FROM PUBLIC;
GRANT CONNECT ON DATABASE {database} TO {coordinator}, {student};
GRANT CREATE ON DATABASE {database} TO {owner};

-- name: close_public
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- name: create_schema
CREATE SCHEMA IF NOT EXISTS gan AUTHORIZATION {owner};

-- name: create_api_schema
-- For servers whose schema public is closed to us.
CREATE SCHEMA IF NOT EXISTS gan_api AUTHORIZATION {owner};
ALTER DATABASE {database} SET search_path = gan_api, public;

-- name: open_public_for_owner
GRANT CREATE, USAGE ON SCHEMA public TO {owner};

-- name: no_execute_by_default
ALTER DEFAULT PRIVILEGES FOR ROLE {owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- name: superuser_hardening
-- Large objects, messages in the write-ahead log and advisory locks are open to everybody by
-- default, and only a superuser can close them: a student could fill the disk with the first two and
-- block others with the third.
DO $$
DECLARE
    routine regprocedure;
BEGIN
    FOR routine IN
        SELECT oid::regprocedure FROM pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace
          AND proname ~ '^(lo_.*|loread|lowrite|pg_logical_emit_message|pg_(try_)?advisory_.*)$'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', routine);
    END LOOP;
END $$;

-- name: quiet_log
-- Without the language nobody can write into the server's log in a loop, and errors that a student
-- makes on purpose are not logged.
REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC;
GRANT USAGE ON LANGUAGE plpgsql TO {owner};
ALTER DATABASE {database} SET log_min_messages = 'fatal';

-- name: limit_temporary_files
-- A sort without end would fill the disk. Only a superuser can set this, and no student unset it.
ALTER DATABASE {database} SET temp_file_limit = '1GB';

-- name: drop_api
-- Functions and views hold no data: an upgrade drops the old ones and makes the new.
DO $$
DECLARE
    thing record;
BEGIN
    FOR thing IN
        SELECT format('DROP VIEW IF EXISTS %s CASCADE', c.oid::regclass) AS command
        FROM pg_class AS c WHERE c.relkind = 'v' AND pg_get_userbyid(c.relowner) = current_user
        UNION ALL
        SELECT format('DROP FUNCTION IF EXISTS %s CASCADE', p.oid::regprocedure)
        FROM pg_proc AS p WHERE pg_get_userbyid(p.proowner) = current_user
    LOOP
        EXECUTE thing.command;
    END LOOP;
END $$;
