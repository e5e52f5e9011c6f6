"""The one exception tree: every error a user can meet says what happened and what to do."""

from __future__ import annotations

EXIT_USAGE, EXIT_NO_CLASS = 2, 3


class GanDesktopError(Exception):
    """An expected trouble, in words for the person at the screen.

    Args:
        message: What happened and what to do, in plain sentences. Never contains a secret.
        title: A few words for a banner; the class's own title when left out.
    """

    default_title = "Something went wrong"
    # What the program ends with (docs/lab.md has the table); 2: an option or setting has to be mended.
    exit_code = 1

    def __init__(self, message: str, *, title: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.title = title or self.default_title


class SettingsError(GanDesktopError):
    """config.yaml, the environment or an option holds a value we cannot use."""

    default_title = "A setting needs mending"
    exit_code = EXIT_USAGE


class CredentialsError(GanDesktopError):
    """No password could be found, or the place that keeps it refused."""

    default_title = "No password found"
    exit_code = EXIT_NO_CLASS


class ConnectionFailed(GanDesktopError):
    """The database could not be reached or refused the login; `cause` names which."""

    default_title = "The class cannot be reached"
    exit_code = EXIT_NO_CLASS

    def __init__(self, message: str, *, cause: str, title: str | None = None) -> None:
        super().__init__(message, title=title)
        self.cause = cause

    @property
    def is_passing(self) -> bool:
        """Whether waiting and trying again can help (a wrong password stays wrong)."""
        return self.cause in {
            "unreachable",
            "refused",
            "lost",
            "starting",
            "too_many",
            "unknown_host",
            "busy",
        }


class SchemaError(GanDesktopError):
    """The database holds no class, or one of another program version."""

    default_title = "The class and this program do not fit together"
    exit_code = EXIT_NO_CLASS


class Refused(GanDesktopError):
    """The database refused a call by its own rules (SQLSTATE class GD).

    `code` is the five-letter SQLSTATE; the message is the server's own plain sentence.
    """

    default_title = "The class refused this"

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code
        # GD00x: the class does not let us take part; GD01x: it refuses one unit's work.
        if code.startswith("GD00"):
            self.exit_code = EXIT_NO_CLASS


class LeaseLost(Refused):
    """The unit went to another computer, or is already complete."""

    default_title = "The unit went to another computer"


class CoordinatorReplaced(GanDesktopError):
    """Another coordinator has taken the run, or the lease ran out: this one may publish no more."""

    default_title = "Another coordinator runs this training"


class PayloadError(GanDesktopError):
    """Bytes that do not hold what they must: truncated, of another network, not finite."""

    default_title = "The received data is damaged"


class CheckpointError(GanDesktopError):
    """A file that holds no checkpoint of ours, or a damaged one."""

    default_title = "This checkpoint cannot be used"
    exit_code = EXIT_USAGE


class ArchiveError(GanDesktopError):
    """A class's archive is damaged, cut short, or of a newer program version."""

    default_title = "This archive cannot be used"
    exit_code = EXIT_USAGE


class ImageSetError(GanDesktopError):
    """A folder, zip or shard holds no usable images."""

    default_title = "These pictures cannot be used"
    exit_code = EXIT_USAGE


class DownloadFailed(GanDesktopError):
    """A file could not be fetched over HTTP; what has arrived of it stays for the next try.

    `cause` is one of cancelled, unreachable, not_found, login, forbidden, damaged, disk, address; `code` the
    server's own word for it, where it sent one.
    """

    default_title = "The download did not work"

    def __init__(self, message: str, *, cause: str, code: str = "", title: str | None = None) -> None:
        super().__init__(message, title=title)
        self.cause = cause
        self.code = code


class PublishingFailed(GanDesktopError):
    """A training could not be put on the Hugging Face Hub; what has arrived there need not be sent again.

    `cause` is one of no_token, bad_token, read_only, not_yours, occupied, visible, name, unreachable,
    no_room, rate_limit, cancelled, refused, not_installed.
    """

    default_title = "Not published"

    def __init__(self, message: str, *, cause: str, title: str | None = None) -> None:
        super().__init__(message, title=title)
        self.cause = cause


class DeviceError(GanDesktopError):
    """A processor or graphics card cannot do the work."""

    default_title = "The device cannot be used"
    exit_code = EXIT_USAGE


class EmbeddedServerError(GanDesktopError):
    """The PostgreSQL server on this computer could not be set up, started or stopped."""

    default_title = "The database on this computer does not start"


class SaveFailed(GanDesktopError):
    """A file that somebody asked for could not be written."""

    default_title = "The file could not be saved"
