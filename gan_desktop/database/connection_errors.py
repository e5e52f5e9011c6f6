"""What psycopg2 and libpq say when something fails, as errors of ours that say what to do."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import certifi
import psycopg2

from gan_desktop.database.address import LOOPBACK, Address, is_authority
from gan_desktop.database.refusal import sqlstate_of_refusal
from gan_desktop.errors import ConnectionFailed, GanDesktopError, LeaseLost, Refused

# What libpq and the server say when a connection fails, and what a person can do about it.
_CAUSES: tuple[tuple[str, str, str], ...] = (
    (
        "could not translate host name",
        "unknown_host",
        'There is no computer called "{host}". Check the host name, and that you are online.',
    ),
    (
        "password authentication failed",
        "login",
        'The class refused the login of "{user}": wrong password, or the card was replaced or withdrawn.'
        " Ask your instructor for a new one.",
    ),
    (
        "authentication method requirement",
        "tls",
        "What answers at {host} does not ask for the login by SCRAM-SHA-256, as every server of a class does"
        " ({detail}). The password was not sent. Its administrator can set that up"
        " (password_encryption, pg_hba.conf); or it is not the class's server.",
    ),
    ("no password supplied", "login", 'The class asks for a password for "{user}", and none was given.'),
    (
        "is not permitted to log in",
        "login",
        'The login of "{user}" was closed: the class has ended, or the card was withdrawn. What is on this'
        " computer of the class stays. If it goes on, ask your instructor for a new card.",
    ),
    (
        "does not exist",
        "database",
        'The server at {host} has no database "{dbname}" (or no login "{user}"). Check both names.',
    ),
    (
        "permission denied for database",
        "database",
        '"{user}" may not use the database "{dbname}". Ask your instructor for a card of this class.',
    ),
    (
        "no pg_hba.conf entry",
        "forbidden",
        "The server at {host} does not accept this computer. Its administrator can allow it.",
    ),
    (
        "pg_hba.conf rejects connection",
        "forbidden",
        'The server at {host} does not let "{user}" into the database "{dbname}". Check both names.',
    ),
    (
        "certificate",
        "tls",
        "The server at {host} could not prove that it is the class's server: its certificate is unknown,"
        " expired or another server's ({detail}). Nothing was sent. Is this computer's date right?",
    ),
    (
        "does not support SSL",
        "tls",
        "The server at {host} offers no encryption. Use it only if your instructor says so"
        " (database.insecure: true).",
    ),
    (
        "received invalid response",
        "refused",
        "What answers at {host}, port {port}, is not PostgreSQL. Check the port.",
    ),
    (
        "closed the connection unexpectedly",
        "refused",
        "{host} ended the connection at once. Check the port; the database may be restarting.",
    ),
    ("SSL", "tls", "No encrypted connection to {host}: {detail}"),
    (
        "too many connections",
        "too_many",
        "This login has as many connections as it may. Stop another computer's program, or wait.",
    ),
    ("connection slots", "too_many", "The server is full at the moment. The program tries again by itself."),
    ("too many clients", "too_many", "The server is full at the moment. The program tries again by itself."),
    ("starting up", "starting", "The database is starting. The program tries again by itself."),
    ("shutting down", "starting", "The database is being restarted. The program tries again by itself."),
    (
        "Connection refused",
        "refused",
        '"{host}" exists, but port {port} does not answer. The database may be off; if the class is'
        " running, a firewall is likely: your instructor or IT can open it.",
    ),
    (
        "timeout expired",
        "unreachable",
        "No answer from {host}, port {port}. Are you in the same Wi-Fi as the class? Guest networks often"
        " keep computers apart, and firewalls block ports.",
    ),
    ("unreachable", "unreachable", "There is no way to {host} from this network. Are you online?"),
    ("No route to host", "unreachable", "There is no way to {host} from this network. Are you online?"),
)
# The same by SQLSTATE, for servers that speak another language.
_CAUSES_BY_CODE = {
    "28P01": _CAUSES[1][1:],
    "28000": ("forbidden", 'The server at {host} does not let "{user}" in from here. Ask its administrator.'),
    "3D000": ("database", 'The server at {host} has no database "{dbname}". Check its name.'),
    "42501": (
        "database",
        '"{user}" may not use the database "{dbname}". Ask your instructor for a card of this class.',
    ),
    "53300": (
        "too_many",
        "The server is full, or this login has as many connections as it may. The program tries again.",
    ),
    "57P01": ("starting", "The database is being restarted. The program tries again by itself."),
    "57P03": ("starting", "The database is starting. The program tries again by itself."),
}


def most_telling(failures: Sequence[ConnectionFailed], address: Address) -> ConnectionFailed:
    """Of several addresses' failures the one that a person can do something about."""
    if len(failures) == 1:
        return failures[0]
    for failure in failures:
        if failure.cause not in {"unknown_host", "unreachable", "refused"}:
            return failure
    return ConnectionFailed(
        f"None of the class's addresses answers ({', '.join(address.hosts)}, port {address.port})."
        " Are you in the same network as the class? Guest networks often keep computers apart.",
        cause="unreachable",
    )


def connection_failed(error: psycopg2.OperationalError, address: Address) -> ConnectionFailed:
    """Why a connection could not be opened."""
    detail = str(error).strip().splitlines()[-1] if str(error).strip() else "no reason given"
    for pattern, cause, text in _CAUSES:
        if pattern in str(error):
            words = text.format(
                host=address.host, port=address.port, user=address.user, dbname=address.dbname, detail=detail
            )
            return ConnectionFailed(words, cause=cause)
    return foreign_refusal(address) or ConnectionFailed(
        f"The class at {address.host} cannot be reached: {detail}", cause="unreachable"
    )


def foreign_refusal(address: Address) -> ConnectionFailed | None:
    """What a server meant whose words we do not know; None where it does not tell."""
    context = ssl.create_default_context(cafile=certifi.where())
    if address.ca_pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=address.ca_pem)
        context.check_hostname = is_authority(address.ca_pem)
    elif address.host in LOOPBACK or address.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    place = address.host, address.port, address.user, address.dbname
    code = sqlstate_of_refusal(*place, address.password, context)
    if code not in _CAUSES_BY_CODE:
        return None
    cause, text = _CAUSES_BY_CODE[code]
    words = text.format(host=address.host, user=address.user, dbname=address.dbname)
    return ConnectionFailed(words, cause=cause)


def translated(error: psycopg2.Error, address: Address) -> Exception:
    """Our exception for a psycopg2 error; programming errors stay what they are."""
    code = error.pgcode or ""
    if code == "GD010":
        return LeaseLost(_server_sentence(error), code=code)
    if code.startswith("GD"):
        return Refused(_server_sentence(error), code=code)
    if code in {"57P01", "57P02", "57P03"}:
        return ConnectionFailed("The database is being restarted.", cause="starting")
    # Deadlock, serialisation, lock and statement timeouts: somebody was in the way for a moment.
    if code in {"40P01", "40001", "55P03", "57014"}:
        return ConnectionFailed("The database was busy and gave up waiting.", cause="busy")
    is_of_link = isinstance(error, psycopg2.OperationalError | psycopg2.InterfaceError)
    # Without a class of its own: libpq had no words for what happened in the middle of a transfer.
    if (is_of_link or type(error) is psycopg2.DatabaseError) and (not code or code.startswith("08")):
        return ConnectionFailed(f"The connection to {address.host} was lost.", cause="lost")
    if code == "42501":
        return GanDesktopError(f"The database refused: {_server_sentence(error)}", title="Not allowed")
    if code in {"53100", "53200", "53300"}:
        return ConnectionFailed(f"The server is full: {_server_sentence(error)}", cause="too_many")
    return error


def _server_sentence(error: psycopg2.Error) -> str:
    return error.diag.message_primary or str(error).strip()
