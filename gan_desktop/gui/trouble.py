"""What the banner below the strip shows: an error that a person can do something about."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gan_desktop.errors import ConnectionFailed, CredentialsError, DeviceError, GanDesktopError, SchemaError
from gan_desktop.records import Joined


class Remedy(StrEnum):
    """What the person can do; each is a button of the banner."""

    TRY_AGAIN = "try_again"
    NEW_ADDRESS = "new_address"
    NEW_CARD = "new_card"
    COPY_FOR_IT = "copy_for_it"
    GET_NEW_VERSION = "get_new_version"
    UPDATE_DRIVER = "update_driver"
    GO_ON = "go_on"


_BY_CAUSE = {
    "unreachable": (Remedy.TRY_AGAIN, Remedy.NEW_ADDRESS),
    "unknown_host": (Remedy.TRY_AGAIN, Remedy.NEW_ADDRESS),
    "refused": (Remedy.TRY_AGAIN, Remedy.COPY_FOR_IT),
    "forbidden": (Remedy.TRY_AGAIN, Remedy.COPY_FOR_IT),
    "tls": (Remedy.TRY_AGAIN, Remedy.COPY_FOR_IT),
    "login": (Remedy.NEW_CARD,),
    "database": (Remedy.NEW_CARD,),
}
_TITLES = {
    "refused": "The connection is blocked",
    "forbidden": "The connection is blocked",
    "login": "Your card is no longer valid",
}


# How device.py begins where there is a card that PyTorch cannot use, or that fails.
_UNUSED_CARD = "The graphics card "


@dataclass(frozen=True)
class Trouble:
    """A banner.

    Attributes:
        title, message: As in `GanDesktopError`, in English: the banner translates them.
        details: What "Details" unfolds, for people who know more; may be empty.
        remedies: The buttons, the likeliest first.
        is_warning: Nothing stands still because of it.
    """

    title: str
    message: str
    details: str = ""
    remedies: tuple[Remedy, ...] = ()
    is_warning: bool = False

    @classmethod
    def of_unused_card(cls, joined: Joined) -> Trouble | None:
        """The banner for a graphics card that is there and does not compute; None: all is as it should be."""
        if joined.hardware.gpu_name is not None or not joined.device_reason.startswith(_UNUSED_CARD):
            return None
        return cls(
            "The graphics card is not used",
            joined.device_reason,
            remedies=(Remedy.GO_ON, Remedy.UPDATE_DRIVER),
            is_warning=True,
        )

    @classmethod
    def of(cls, error: GanDesktopError) -> Trouble:
        """The banner for an error of ours, with what can be done about it."""
        title = error.title
        remedies: tuple[Remedy, ...] = (Remedy.TRY_AGAIN,)
        if isinstance(error, ConnectionFailed):
            remedies = _BY_CAUSE.get(error.cause, remedies)
            if error.title == ConnectionFailed.default_title:
                title = _TITLES.get(error.cause, title)
        elif isinstance(error, SchemaError) and "too old for the class" in error.title:
            remedies = (Remedy.GET_NEW_VERSION,)
        elif isinstance(error, CredentialsError):
            remedies = (Remedy.NEW_CARD,)
        elif isinstance(error, DeviceError):
            remedies = (Remedy.TRY_AGAIN, Remedy.UPDATE_DRIVER)
        cause = error.__cause__
        details = f"{type(error).__name__}: {error}" + (f"\n{type(cause).__name__}: {cause}" if cause else "")
        return cls(title, error.message, details, remedies)
