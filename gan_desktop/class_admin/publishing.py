"""A training's iteration on the Hugging Face Hub: weights, faces, film, and a card that explains them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from gan_desktop.class_admin.login import log_in
from gan_desktop.class_admin.model_card import CARD, CHECKPOINT, CONFIG, FACES, FILM, card_config, model_card
from gan_desktop.class_admin.portrait import Portrait, take_portrait
from gan_desktop.database.address import Address
from gan_desktop.database.notices import Notices
from gan_desktop.errors import PublishingFailed
from gan_desktop.web.model_hub import TOKENS_PAGE, open_hub


class Stage(StrEnum):
    """What is being done; the number of parts means something in the second and third."""

    SIGNING_IN = "signing in"
    COLLECTING = "collecting the faces"
    UPLOADING = "uploading"


# Told of what is done, of parts done and of their total (0: unknown).
OnProgress = Callable[[Stage, int, int], None]


@dataclass(frozen=True)
class Wish:
    """What to publish, and where.

    Attributes:
        repository: `OWNER/NAME`; without an owner it is the token's.
        iteration: None: the newest that is kept.
        run_id: None: the training in progress, else the newest.
        is_private: None: private if it is made now, else as it is.
    """

    repository: str
    iteration: int | None = None
    run_id: int | None = None
    is_private: bool | None = True


@dataclass(frozen=True)
class Published:
    """What is on the Hub now."""

    url: str
    repository: str
    iteration: int
    num_bytes: int
    is_private: bool


def publish(
    coordinator: Address,
    wish: Wish,
    token: str | None,
    *,
    endpoint: str | None = None,
    on_progress: OnProgress = lambda stage, done, total: None,
    should_cancel: Callable[[], bool] = lambda: False,
) -> Published:
    """Publish an iteration; the class's events tell of it. What is published of it already is not sent again.

    Args:
        token: The Hub's, with the right to write.
        endpoint: A mirror of the Hub; None: the Hub itself.
        should_cancel: True ends with PublishingFailed: the repository shows the former files, or none.

    Raises:
        PublishingFailed: `cause` says why not.
        GanDesktopError: The class cannot be reached, or the iteration is not kept.
    """
    if not token:
        raise PublishingFailed(
            "Publishing needs an access token of the Hugging Face Hub with the right to write:"
            f" {TOKENS_PAGE}.",
            cause="no_token",
            title="No access token",
        )
    on_progress(Stage.SIGNING_IN, 0, 0)
    with open_hub(token, endpoint=endpoint, should_cancel=should_cancel) as hub:
        # Before the class is asked for anything: a wrong token or name is known within a second.
        repository = hub.open(wish.repository, is_private=wish.is_private, marker=CHECKPOINT)

        def collected(done: int, total: int) -> None:
            hub.require_wanted()
            on_progress(Stage.COLLECTING, done, total)

        portrait = take_portrait(coordinator, wish.iteration, wish.run_id, collected, small_film=True)
        files = files_of(portrait, repository.name)
        figures = portrait.figures
        message = f"Iteration {figures.iteration} of {figures.run.name}"
        hub.upload(repository, files, message, lambda done, total: on_progress(Stage.UPLOADING, done, total))
    published = Published(
        repository.url,
        repository.name,
        figures.iteration,
        sum(map(len, files.values())),
        repository.is_private,
    )
    with log_in(coordinator) as connection:
        Notices(connection).add_event("published", words_for(published))
    return published


def files_of(portrait: Portrait, repository: str) -> dict[str, bytes]:
    """The files of a repository by their names in it."""
    files = {
        CHECKPOINT: portrait.checkpoint,
        CONFIG: card_config(portrait.figures).encode(),
        FACES: portrait.faces_png,
        CARD: model_card(portrait.figures, repository, has_film=portrait.film_gif is not None).encode(),
    }
    if portrait.film_gif is not None:
        files[FILM] = portrait.film_gif
    return files


def words_for(published: Published) -> str:
    """What has happened, in a sentence for the instructor."""
    seen_by = "only its owner sees it" if published.is_private else "everybody sees it"
    return f"Iteration {published.iteration} is published at {published.url} ({seen_by})."
