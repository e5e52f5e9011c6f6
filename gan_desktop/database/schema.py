"""Makes a database hold a class, brings it up to date, and tells whether program and class fit."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from importlib import resources
from urllib.parse import quote, urlencode

import psycopg2.errors
from packaging.version import Version
from psycopg2 import sql

from gan_desktop import __version__
from gan_desktop.database.address import Address
from gan_desktop.database.connection import Connection
from gan_desktop.database.queries import load_queries, sql_text
from gan_desktop.errors import GanDesktopError, SchemaError, SettingsError
from gan_desktop.names import MAX_TITLE, is_plain_line

# The number that api/functions.sql returns; raised with every change of migrations/ or api/.
SCHEMA_VERSION = 2
# The first program version that speaks it; `class upgrade` and `class init` write it into the class.
FIRST_PROGRAM = "0.2.0"
OLDEST_POSTGRESQL = 14
# Another program that changes the tables at this moment is waited for.
MIGRATION_LOCK_S = 10.0


@dataclass(frozen=True)
class ClassRoles:
    """The roles of one class. Two classes on one server share none of them."""

    class_id: str

    @property
    def owner(self) -> str:
        """Owns schema and functions; nobody logs in as it."""
        return f"gan_owner_{self.class_id}"

    @property
    def coordinator(self) -> str:
        """Logs in to run the class."""
        return f"gan_coordinator_{self.class_id}"

    @property
    def student(self) -> str:
        """The group of all students."""
        return f"gan_student_{self.class_id}"

    @property
    def enrol(self) -> str:
        """The group of the enrol cards' logins."""
        return f"gan_enrol_{self.class_id}"

    @property
    def registrar(self) -> str:
        """Makes the logins of people who enrol; nobody logs in as it."""
        return f"gan_registrar_{self.class_id}"


@dataclass(frozen=True)
class NewClass:
    """A class that was just made: the coordinator's login is shown once and stored nowhere by us."""

    class_id: str
    coordinator_user: str
    coordinator_password: str = field(repr=False)


def init_class(administrator: Address, title: str) -> NewClass:
    """Make the empty database of `administrator` the home of a new class.

    Works for a superuser and for the database's owner with CREATEROLE. After an attempt that was cut
    short it goes on where that one ended.

    Raises:
        SettingsError: The title cannot be one.
        SchemaError: The database holds a class already, or the login may not make one (with the
            SQL for the server's administrator).
        ConnectionFailed: No connection.
    """
    if not is_plain_line(title, MAX_TITLE):
        raise SettingsError(
            f"A class's title has 1 to {MAX_TITLE} characters, all of them visible, and no space at its ends."
            " Choose another title.",
            title="Not a title",
        )
    password = secrets.token_urlsafe(24)
    with Connection(administrator) as connection:
        begun = _begun_class(connection)
        rights = _require_rights(connection, administrator)
        roles = begun or ClassRoles(_random_id())
        with connection.transaction():
            if begun:
                _renew_coordinator(connection, roles, password)
            else:
                _make_roles(connection, roles, password)
            _close_doors(connection, roles, administrator, rights)
            _let_people_enrol(connection, roles, administrator)
            _keep_room_for_coordinator(connection, roles)
    _migrate(administrator, roles)
    with Connection(administrator) as connection, connection.transaction():
        connection.execute("SET LOCAL ROLE " + roles.owner)
        connection.execute(
            "INSERT INTO gan.class (class_id, title, minimum_program) VALUES (%s, %s, %s)",
            (roles.class_id, title, FIRST_PROGRAM),
        )
        _make_api(connection, roles, rights.api_schema)
    return NewClass(roles.class_id, roles.coordinator, password)


def renew_coordinator(administrator: Address) -> NewClass:
    """Give a class's coordinator a new password; the former one ends.

    For a class whose password is lost, by whoever made the class.

    Raises:
        SchemaError: No class here, or not its maker's login.
    """
    with Connection(administrator) as connection:
        require_upgradable(connection)
        [row] = connection.query("SELECT class_id FROM gan.class")
        roles, password = ClassRoles(row.class_id), secrets.token_urlsafe(24)
        _renew_coordinator(connection, roles, password)
    return NewClass(roles.class_id, roles.coordinator, password)


def require_upgradable(connection: Connection) -> int:
    """The version of the class that this login may bring up to date.

    Raises:
        SchemaError: No class here, one of a newer version than this program's, or not its maker's login.
    """
    address = connection.address
    version = schema_version(connection)
    if version is None:
        raise SchemaError(
            f'The database "{address.dbname}" holds no class yet: make one first.', title="No class here"
        )
    if version > SCHEMA_VERSION:
        raise SchemaError(
            "The class is newer than this program. Get the newest version of the program.",
            title="This program is too old for the class",
        )
    [row] = connection.query(
        "SELECT pg_has_role(nspowner, 'MEMBER') AS is_makers FROM pg_namespace WHERE nspname = 'gan'"
    )
    if not row.is_makers:
        raise SchemaError(
            f'"{address.user}" did not make this class. Upgrade it with the login that did (that of'
            " `class init`, in a config.yaml of its own: --config FILE), or with --hosted.",
            title="Only the class's maker may do this",
        )
    _require_rights(connection, address)
    return version


def upgrade_class(administrator: Address) -> None:
    """Bring a class of an older program version up to date; nothing of its data is lost.

    Raises:
        SchemaError: No class here, one of a newer version than this program's, or not its maker's login.
    """
    with Connection(administrator) as connection:
        require_upgradable(connection)
        [row] = connection.query(
            "SELECT class_id, (SELECT pronamespace::regnamespace::text FROM pg_proc"
            " WHERE oid = to_regprocedure('schema_version()')) AS api_schema FROM gan.class"
        )
        roles = ClassRoles(row.class_id)
        with connection.transaction():
            _let_people_enrol(connection, roles, administrator)
            _keep_room_for_coordinator(connection, roles)
    _migrate(administrator, roles)
    with Connection(administrator) as connection, connection.transaction():
        connection.execute("SET LOCAL ROLE " + roles.owner)
        connection.execute("UPDATE gan.class SET minimum_program = %s", [FIRST_PROGRAM])
        _make_api(connection, roles, row.api_schema)


def drop_class(administrator: Address) -> None:
    """Remove a class from its database again, with all roles of its own but not its students' logins.

    For a restore that failed: the database is as empty as before.
    """
    with Connection(administrator) as connection:
        owners = connection.query(
            "SELECT pg_get_userbyid(nspowner) AS name FROM pg_namespace WHERE nspname = 'gan'"
        )
        for row in owners:
            class_id = row.name.removeprefix(ClassRoles("").owner)
            names = connection.query(
                "SELECT rolname FROM pg_roles WHERE rolname ~ ('^gan_[a-z]+_' || %s || '$')", [class_id]
            )
            roles = sql.SQL(", ").join(sql.Identifier(role.rolname) for role in names)
            with connection.transaction():
                # Only a member of a role may drop what it owns and was granted.
                connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(roles))
                connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(roles))
                connection.execute(sql.SQL("DROP ROLE {}").format(roles))


def schema_version(connection: Connection) -> int | None:
    """The version of the class in this database; None: it holds none."""
    [row] = connection.query("SELECT to_regprocedure('schema_version()') IS NOT NULL AS is_there")
    return int(connection.query("SELECT schema_version()")[0][0]) if row.is_there else None


def require_fitting_schema(connection: Connection) -> None:
    """Pass only where this program and the class's database understand each other.

    Raises:
        SchemaError: Missing, older or newer, with what to do.
    """
    version = schema_version(connection)
    dbname = connection.address.dbname
    if version is None:
        raise SchemaError(
            f'The database "{dbname}" holds no class yet. Check the database name; your instructor'
            " makes the class.",
            title="No class here",
        )
    if version > SCHEMA_VERSION:
        raise _too_old(connection)
    if version < SCHEMA_VERSION:
        raise SchemaError(
            f"The class's database speaks version {version}, this program version {SCHEMA_VERSION}."
            " Ask your instructor to upgrade the class (gan-desktop class upgrade).",
            title="The class is too old for this program",
        )
    if Version(__version__) < Version(_minimum_program(connection)):
        raise _too_old(connection)


def _minimum_program(connection: Connection) -> str:
    try:
        return str(connection.query("SELECT minimum_program FROM class_info")[0].minimum_program)
    except (psycopg2.errors.UndefinedTable, psycopg2.errors.UndefinedColumn, GanDesktopError):
        # A card's login may not look, and a class of the future may keep it elsewhere.
        return "0"


def _too_old(connection: Connection) -> SchemaError:
    minimum = _minimum_program(connection)
    is_known = Version(minimum) > Version(__version__)
    needed = f"the class needs {minimum} or newer" if is_known else "the class needs a newer one"
    return SchemaError(
        f"You have {__version__}, {needed}. Your work so far is safe. Get the newest version of the program.",
        title="This program is too old for the class",
    )


@dataclass(frozen=True)
class Rights:
    """What a login may do in a database that is to hold a class.

    Attributes:
        postgresql: The server's major version.
        owns_public: Whether schema public is ours to close and to fill.
        missing: The SQL with which the server's administrator gives what is missing; empty: nothing.
    """

    postgresql: int
    is_superuser: bool
    owns_public: bool
    missing: tuple[str, ...] = ()

    @property
    def api_schema(self) -> str:
        """Where functions and views go."""
        return "public" if self.owns_public else "gan_api"


def read_rights(connection: Connection) -> Rights:
    """What this login may do here; nothing is changed."""
    [row] = connection.query(
        """
        SELECT current_setting('server_version_num')::integer / 10000 AS postgresql,
               r.rolsuper, r.rolcreaterole OR r.rolsuper AS makes_roles,
               pg_has_role(d.datdba, 'USAGE') AS owns_database,
               coalesce((SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace
                         WHERE nspname = 'public'), false) AS owns_public
        FROM pg_roles AS r, pg_database AS d
        WHERE r.rolname = current_user AND d.datname = current_database()
        """
    )
    login, dbname = connection.address.user, connection.address.dbname
    missing = []
    if not row.makes_roles:
        missing.append(f'ALTER ROLE "{login}" CREATEROLE;')
    if not row.owns_database:
        missing.append(f'ALTER DATABASE "{dbname}" OWNER TO "{login}";')
    return Rights(row.postgresql, row.rolsuper, row.owns_public, tuple(missing))


def _require_rights(connection: Connection, administrator: Address) -> Rights:
    rights = read_rights(connection)
    if rights.postgresql < OLDEST_POSTGRESQL:
        raise SchemaError(
            f"This server is PostgreSQL {rights.postgresql}, and a class needs {OLDEST_POSTGRESQL} or newer."
            " Ask its administrator, or keep the class on this computer: gan-desktop class host",
            title="The server is too old for a class",
        )
    if rights.missing:
        raise SchemaError(
            f'"{administrator.user}" may not make a class here. Ask the server\'s administrator to run'
            " this once, then try again:\n    " + "\n    ".join(rights.missing),
            title="This login may not make a class",
        )
    return rights


def _random_id() -> str:
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for _ in range(8))


def _begun_class(connection: Connection) -> ClassRoles | None:
    """The class whose init was cut short in this database; None: the database is new to us.

    Raises:
        SchemaError: The class is complete, or schema gan is somebody else's.
    """
    dbname = connection.address.dbname
    if schema_version(connection) is not None:
        raise SchemaError(
            f'The database "{dbname}" holds a class already. Make an empty database for another;'
            " on the server of `class host`: --hosted --database NAME",
            title="There is a class already",
        )
    owners = connection.query(
        "SELECT pg_get_userbyid(nspowner) AS name FROM pg_namespace WHERE nspname = 'gan'"
    )
    if not owners:
        return None
    prefix = ClassRoles("").owner
    if not owners[0].name.startswith(prefix):
        raise SchemaError(
            f'The database "{dbname}" has a schema "gan" of another program. Choose an empty database.',
            title="The database is in use",
        )
    return ClassRoles(owners[0].name.removeprefix(prefix))


def _run(connection: Connection, name: str, **names: str) -> None:
    """Run a statement of queries/roles.sql with quoted identifiers; a `verifier` is a literal."""
    values = {k: sql.Literal(v) if k == "verifier" else sql.Identifier(v) for k, v in names.items()}
    connection.execute(sql.SQL(load_queries("roles")[name]).format(**values))


def _make_roles(connection: Connection, roles: ClassRoles, password: str) -> None:
    _run(connection, "create_owner", owner=roles.owner)
    _run(
        connection,
        "create_coordinator",
        coordinator=roles.coordinator,
        verifier=connection.password_verifier(roles.coordinator, password),
    )
    _run(connection, "create_students", student=roles.student)
    _run(connection, "become_owner", owner=roles.owner)
    _run(connection, "let_coordinator_admit", student=roles.student, coordinator=roles.coordinator)


def _renew_coordinator(connection: Connection, roles: ClassRoles, password: str) -> None:
    _run(
        connection,
        "renew_coordinator",
        coordinator=roles.coordinator,
        verifier=connection.password_verifier(roles.coordinator, password),
    )


def _let_people_enrol(connection: Connection, roles: ClassRoles, address: Address) -> None:
    """Make the roles behind class cards and room cards, unless the class has them."""
    if not connection.query("SELECT 1 FROM pg_roles WHERE rolname = %s", [roles.enrol]):
        _run(connection, "create_enrol", enrol=roles.enrol)
        _run(connection, "create_registrar", registrar=roles.registrar)
        _run(
            connection,
            "let_people_enrol",
            enrol=roles.enrol,
            student=roles.student,
            registrar=roles.registrar,
            coordinator=roles.coordinator,
        )
    _run(connection, "open_database_to_cards", enrol=roles.enrol, database=address.dbname)


def _keep_room_for_coordinator(connection: Connection, roles: ClassRoles) -> None:
    """Let the coordinator in where the server keeps connections back (reserved_connections), if we may."""
    # The role is there from PostgreSQL 16 on; who is no superuser was seldom given the right to pass it on.
    may_grant = connection.query(
        "SELECT 1 FROM pg_roles WHERE rolname = 'pg_use_reserved_connections'"
        " AND (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
    )
    if may_grant:
        _run(connection, "use_reserved_connections", coordinator=roles.coordinator)


def _close_doors(connection: Connection, roles: ClassRoles, address: Address, rights: Rights) -> None:
    named = {"owner": roles.owner, "database": address.dbname}
    _run(connection, "close_database", coordinator=roles.coordinator, student=roles.student, **named)
    _run(connection, "create_schema", owner=roles.owner)
    _run(connection, "no_execute_by_default", owner=roles.owner)
    if rights.owns_public:
        _run(connection, "close_public")
        _run(connection, "open_public_for_owner", owner=roles.owner)
    else:
        _run(connection, "create_api_schema", **named)
    if rights.is_superuser:
        connection.execute(load_queries("roles")["superuser_hardening"])
        _run(connection, "limit_temporary_files", database=address.dbname)
        _run(connection, "quiet_log", owner=roles.owner, database=address.dbname)


def _migrate(administrator: Address, roles: ClassRoles) -> None:
    """Apply the numbered files of migrations/ that this database has not seen, as the owner."""
    from yoyo import get_backend, read_migrations
    from yoyo.exceptions import LockTimeout

    login = f"{quote(administrator.user, safe='')}:{quote(administrator.password or '', safe='')}"
    host = f"[{administrator.host}]" if ":" in administrator.host else administrator.host
    place = f"{host}:{administrator.port}"
    with administrator.tls_options() as tls:
        # Among the options, the database's name may have any characters; yoyo does not decode a path.
        options = {
            "dbname": administrator.dbname,
            "schema": "gan",
            "options": f"-c role={roles.owner}",
            **tls,
        }
        backend = get_backend(f"postgresql://{login}@{place}/?{urlencode(options)}")
        try:
            with resources.as_file(resources.files("gan_desktop.database") / "migrations") as folder:
                migrations = read_migrations(str(folder))
                with backend.lock(MIGRATION_LOCK_S):
                    backend.apply_migrations(backend.to_apply(migrations))
        except LockTimeout as error:
            raise SchemaError(
                "Another program is changing the tables of this class, or was stopped while it did. Wait"
                " until it is done; if none runs, its mark is removed by:\n    DELETE FROM gan.yoyo_lock;",
                title="The class is being changed",
            ) from error
        finally:
            backend.connection.close()


def _make_api(connection: Connection, roles: ClassRoles, api_schema: str) -> None:
    """Replace all functions, views and grants by this version's; tables keep their data."""
    connection.execute(f"SET LOCAL search_path = {api_schema}, pg_temp")
    connection.execute(load_queries("roles")["drop_api"])
    try:
        connection.execute(sql_text("api/functions.sql"))
        connection.execute(sql_text("api/views.sql"))
    except (psycopg2.errors.DuplicateTable, psycopg2.errors.DuplicateFunction) as error:
        raise SchemaError(
            f'Schema "{api_schema}" of this database holds something of another program'
            f" ({error.diag.message_primary}). Remove it, or choose an empty database, and try again.",
            title="The database is in use",
        ) from error
    connection.execute(
        sql.SQL(sql_text("api/grants.sql")).format(
            student=sql.Identifier(roles.student),
            coordinator=sql.Identifier(roles.coordinator),
            enrol=sql.Identifier(roles.enrol),
            api=sql.Identifier(api_schema),
        )
    )
    connection.execute("SET LOCAL ROLE NONE")
    names = {"owner": sql.Identifier(roles.owner), "registrar": sql.Identifier(roles.registrar)}
    connection.execute(sql.SQL(sql_text("api/registrar.sql")).format(**names))
