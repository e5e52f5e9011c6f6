"""The window in German: complete, with the same gaps, and for what the engine says too."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QApplication

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.translation import Translator, chosen_language, install_translation, load_catalogue
from gan_desktop.gui.words import number
from gan_desktop.records import WorkerState
from gan_desktop.sentences import sentence
from tests.gui.texts import texts_of_the_window, untranslatable

GERMAN = load_catalogue("de")
# English words that no German sentence holds.
ENGLISH = re.compile(r"\b(the|of|is|and|your|from|this|with|for|to|left|been|you|by)\b", re.IGNORECASE)

IN_15_MIN = (datetime.now() + timedelta(minutes=15)).isoformat()
# Each sentence in the forms it can take.
DETAILS: dict[WorkerState, list[dict[str, Any]]] = {
    WorkerState.JOINING: [{}, {"title": "Vision 2026"}],
    WorkerState.WAITING_COORDINATOR_AWAY: [
        {},
        {"coordinator_silent_s": 100_000},
        {"coordinator_silent_s": 90, "since": datetime.now().isoformat()},
    ],
    WorkerState.WAITING_NONE_FREE: [{}, {"seconds": 12}],
    WorkerState.LOADING: [{}, {"num_bytes_done": 3_100_000, "num_bytes": 5_800_000}],
    WorkerState.COMPUTING: [
        {"unit_id": 42, "num_done": 1_216, "num_images": 2_048, "seconds_left": left}
        for left in (None, 10, 90, 20_000)
    ],
    WorkerState.UPLOADING: [{"unit_id": 42, "num_bytes": 6_300_000}],
    WorkerState.PAUSED: [{}, {"until": IN_15_MIN, "minutes_left": 14}, {"given_back": 7}],
    WorkerState.PAUSED_BATTERY: [{"percent": 38}],
    WorkerState.PAUSED_HOT: [{"temperature_c": 85, "goes_on_below_c": 78}],
    WorkerState.PAUSED_HOURS: [{"until": "20:00"}],
    WorkerState.PAUSED_PROGRAM: [{"program": "zoom"}],
    WorkerState.PAUSED_MEMORY: [{"needed_gb": 3.2, "allowed_gb": 2.0}],
    WorkerState.FINISHING: [{}, {"unit_id": 42, "seconds_left": 120}],
    WorkerState.STOPPED: [{}, {"total_units": 1}, {"total_units": 10, "given_back": 7}],
    WorkerState.RETRYING: [{"seconds": 18}, {"seconds": 18, "num_waiting": 1}],
    WorkerState.COMPLETE: [{}, {"iteration": 412, "num_people": 30, "num_images": 296_960}],
}


@pytest.fixture
def german(application: QApplication) -> Translator:
    return install_translation(application, "de")


def test_every_text_of_the_window_has_its_german() -> None:
    missing = {text: place for text, place in texts_of_the_window().items() if text not in GERMAN}
    assert not missing


def test_no_text_is_put_together_before_it_is_translated() -> None:
    assert untranslatable() == []


@pytest.mark.parametrize("source", sorted(GERMAN))
def test_a_translation_has_the_gaps_of_its_source(source: str) -> None:
    gaps = set(re.findall(r"\{\w*\}", source))
    target = GERMAN[source]
    for form in target if isinstance(target, list) else [target]:
        assert set(re.findall(r"\{\w*\}", form)) == gaps
    if isinstance(target, list):
        assert len(target) == 2
        assert "%n" in source


def test_texts_that_count_have_two_forms_in_every_language() -> None:
    counting = {text for text in texts_of_the_window() if "%n" in text}
    assert counting
    assert counting <= {text for text, target in load_catalogue("en").items() if isinstance(target, list)}
    assert counting <= {text for text, target in GERMAN.items() if isinstance(target, list)}


@pytest.mark.parametrize("state", WorkerState)
def test_every_state_speaks_german(state: WorkerState, german: Translator) -> None:
    for detail in DETAILS.get(state, [{}]):
        said = sentence(state, detail)
        translated = german.engine_text(said)
        assert translated != said
        assert not ENGLISH.search(translated.replace("Vision 2026", "")), translated


def test_numbers_and_times_inside_a_sentence_are_written_as_in_german(german: Translator) -> None:
    said = "Learning from unit 42: 1,216 of 2,048 images, 1 to 2 min left."
    assert german.engine_text(said) == "Lernt aus Einheit 42: 1.216 von 2.048 Bildern, noch 1 bis 2 min."
    assert german.engine_text("Handing in unit 4: 2.1 of 6.3 MB.") == "Gibt Einheit 4 ab: 2,1 von 6,3 MB."
    assert number(296_960) == "296.960"


def test_a_short_template_takes_no_word_out_of_a_sentence_that_it_does_not_know(german: Translator) -> None:
    assert "{used} of {total} GB" in GERMAN
    unknown = "Somebody has used the better part of the 12 GB"
    assert german.engine_text(unknown) == unknown


def test_a_program_that_is_too_old_reads_it_in_german(german: Translator) -> None:
    told = "You have 0.2.0, the class needs 1.3 or newer. Your work so far is safe."
    told = german.engine_text(f"{told} Get the newest version of the program.")
    assert told.startswith("Du hast 0.2.0, der Kurs braucht 1.3 oder neuer.")


def test_a_name_in_quotes_is_never_translated(german: Translator) -> None:
    assert "Faces" in german.engine_text('The training "Faces" has begun.')
    assert german.engine_text("Faces") == "Gesichter"


@pytest.mark.parametrize(
    ("said", "translated"),
    [
        (
            "The lesson has ended: everybody hands in what is done.",
            "Die Stunde ist zu Ende: Alle geben ab, was sie geschafft haben.",
        ),
        (
            'Message to everybody: "Well done. Close your laptops!"',
            "Nachricht an alle: „Well done. Close your laptops!“",
        ),
        ('Training 3, "Faces", is paused.', "Training 3, „Faces“, ist unterbrochen."),
    ],
)
def test_what_happened_speaks_german_around_what_people_have_written(
    said: str, translated: str, german: Translator
) -> None:
    assert german.engine_text(said) == translated


def test_what_is_unknown_stays_as_it_is(german: Translator) -> None:
    assert german.engine_text("Something quite new.") == "Something quite new."


@pytest.mark.parametrize("error", GanDesktopError.__subclasses__(), ids=lambda error: error.__name__)
def test_every_title_of_an_error_speaks_german(error: type[GanDesktopError], german: Translator) -> None:
    assert german.engine_text(error.default_title) != error.default_title


def test_counting_texts_choose_their_form(application: QApplication) -> None:
    for language, one, two in (("en", "1 computer", "2 computers"), ("de", "1 Computer", "2 Computer")):
        install_translation(application, language)
        said = [QCoreApplication.translate("x", "%n computer(s)", None, count) for count in (1, 2)]
        assert said == [one, two]


def test_an_unknown_language_is_english() -> None:
    assert chosen_language("xx") == "en"
    assert chosen_language("de") == "de"
