-- Making logins for people who enrol. CREATE ROLE needs the attribute CREATEROLE, which the owner of all other
-- functions must not have. So this one function belongs to the registrar: a role that nobody can log in as, with
-- CREATEROLE and no right on any table. Only `enrol` can call it.
-- Run by the administrator, who is a member of both roles; the names in braces are this class's roles.

CREATE FUNCTION gan.make_login(the_login name, the_verifier text, the_class text, num_connections integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = gan, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = the_login) THEN
        EXECUTE format('ALTER ROLE %I PASSWORD %L', the_login, the_verifier);
        RETURN;
    END IF;
    EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L CONNECTION LIMIT %s IN ROLE %I',
                   the_login, the_verifier, num_connections, 'gan_student_' || the_class);
    -- The coordinator renews and withdraws this login and ends its sessions, as with those it makes itself.
    EXECUTE format(CASE WHEN current_setting('server_version_num')::integer >= 160000
                        THEN 'GRANT %I TO %I WITH ADMIN TRUE, INHERIT TRUE, SET FALSE'
                        ELSE 'GRANT %I TO %I WITH ADMIN OPTION' END,
                   the_login, 'gan_coordinator_' || the_class);
END $$;

GRANT USAGE, CREATE ON SCHEMA gan TO {registrar};
ALTER FUNCTION gan.make_login(name, text, text, integer) OWNER TO {registrar};
REVOKE ALL ON FUNCTION gan.make_login(name, text, text, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION gan.make_login(name, text, text, integer) TO {owner};
-- Needed for a moment by its new owner, and dangerous to leave: nobody but the owner makes things here.
REVOKE CREATE ON SCHEMA gan FROM {registrar};
