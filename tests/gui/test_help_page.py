from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from gan_desktop.database.address import Address
from gan_desktop.database.work_queue import _SUBMISSION
from gan_desktop.gui.help_page import TITLES, HelpPage
from gan_desktop.gui.help_texts import load_topics, load_unit_sql
from gan_desktop.gui.joining.what_leaves import WhatLeavesDialog
from gan_desktop.gui.main_window import PAGES, MainWindow
from gan_desktop.gui.session import Session
from gan_desktop.gui.snapshot import ClassSnapshot
from gan_desktop.gui.source_dialog import SourceDialog, line_of, read_source
from gan_desktop.gui.theme import choose_theme, colours
from gan_desktop.gui.translation import LANGUAGES, install_translation, load_catalogue
from gan_desktop.records import Run, RunConfig, RunStatus, TrainingNow, UnitDelivered
from tests.gui.conftest import PATIENCE_MS
from tests.integration.lesson import Lesson

LINK = re.compile(r"\]\((\w+):([\w./-]+)(?:#([\w-]+))?\)")
# Of UX.md's table of words: what students never read.
NEVER = re.compile(
    r"\b(shards?|payloads?|slices?|gate|quarantine|coordinator|leases?|epochs?|blobs?)\b", re.IGNORECASE
)


@pytest.fixture
def page(session: Session, qtbot: QtBot) -> HelpPage:
    page = HelpPage(session)
    qtbot.addWidget(page)
    page.resize(800, 460)
    page.show()
    qtbot.waitUntil(lambda: bool(page.text.toPlainText()))
    return page


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_topic_with_the_same_links(language: str) -> None:
    topics, english = load_topics(language), load_topics("en")
    assert set(topics) == set(TITLES)
    for key, text in topics.items():
        assert sorted(LINK.findall(text)) == sorted(LINK.findall(english[key])), key
        assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", english[key])
        assert len(re.findall(r"^\d+\. ", text, re.MULTILINE)) == len(
            re.findall(r"^\d+\. ", english[key], re.MULTILINE)
        )


# What the help quotes of the program, word for word.
QUOTED = (
    "Start contributing",
    "Pause",
    "Stop now",
    "Finish this unit, then stop",
    "Copy report",
    "Every detail",
    "Quiet",
    "Processor (why?)",
    "Its time ran out before it was done; it goes to another computer.",
    "This program is too old for the class",
)


def test_the_program_is_quoted_by_its_own_words_in_every_language() -> None:
    german = load_catalogue("de")
    english_help, german_help = (
        " ".join(" ".join(load_topics(language).values()).split()) for language in ("en", "de")
    )
    for words in QUOTED:
        assert words in english_help
        assert str(german[words]) in german_help, german[words]


def test_what_looks_like_a_quotation_is_one() -> None:
    """Buttons are bold and choices in italics; nothing else is, but what the guide brings up itself."""
    topics = load_topics("en")
    questions = re.compile(r"^\*\*(.+?)\*\*", re.MULTILINE)
    told = topics["guide"] + "\n" + topics["questions"]
    marked = set(re.findall(r"\*\*(.+?)\*\*|(?<!\*)\*([^*]+)\*(?!\*)", told))
    headings = set(questions.findall(topics["questions"]))
    quoted = {" ".join((bold or italic).split()) for bold, italic in marked} - headings
    assert quoted - set(QUOTED) == {"one network that draws faces", "iteration"}


def test_every_link_leads_somewhere() -> None:
    pages = {page.key for page in PAGES}
    topics = load_topics("en")
    for text in topics.values():
        for kind, where, part in LINK.findall(text):
            there = {
                "page": where in pages and not part,
                "topic": where in TITLES and f"### {part}" in f"{topics.get(where)} ### ",
                "code": leads_into(f"gan_desktop/{where}", part),
                "doc": leads_into(f"docs/{where}", part),
                "dialog": where == "leaves",
            }
            assert there[kind], (kind, where, part)


def leads_into(name: str, part: str) -> bool:
    text = read_source(name)
    return text is not None and (not part or line_of(text, part) > 0)


def test_all_twelve_learning_outcomes_have_a_place_to_see_them() -> None:
    lines = re.split(r"^\d+\. ", load_topics("en")["learn"], flags=re.MULTILINE)[1:]
    assert len(lines) == 12
    assert all(LINK.search(line) for line in lines)


def test_words_of_the_inside_are_only_in_the_sql_and_where_they_are_explained() -> None:
    for text in load_topics("en").values():
        assert not NEVER.search(re.sub(r"\(code:.*?\)|^- `\w+`.*?: ", "", text, flags=re.MULTILINE))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_is_explained_in_one_sentence(language: str) -> None:
    words = load_topics(language)["words"]
    entries = [" ".join(entry.split()) for entry in re.findall(r"^- (.+(?:\n  .+)*)", words, re.MULTILINE)]
    assert len(entries) == len(re.findall(r"^- ", load_topics("en")["words"], re.MULTILINE))
    for entry in entries:
        assert re.fullmatch(r"(\*\*[^*]+\*\*|`\w+`(, `\w+`)*): [^.]+\.", re.sub(r"\d\.\d", "", entry)), entry


def test_the_guide_tells_how_long_the_class_s_units_are(page: HelpPage, session: Session) -> None:
    assert "for about 1 min at a time" in page.text.toPlainText().replace("\n", " ")
    run = Run(1, "Faces", RunStatus.RUNNING, 3, 0, 1, RunConfig(unit_seconds=12.0))
    session._take_snapshot(ClassSnapshot(training=TrainingNow(run, 0, None, None)))
    page.hide()
    page.show()
    assert "for about 12 s at a time" in page.text.toPlainText().replace("\n", " ")


def test_a_word_is_found_in_whatever_topic_it_stands(page: HelpPage, qtbot: QtBot) -> None:
    page.search.setText("Discriminator, D")
    assert page.topic == "words"
    assert page.text.textCursor().selectedText() == "Discriminator, D"
    page.search.setText("SKIP LOCKED")
    assert page.topic == "unit"
    first = page.text.textCursor().position()
    qtbot.keyClick(page.search, Qt.Key.Key_Return)
    assert page.topic == "unit"
    assert page.text.textCursor().position() > first
    page.search.setText("no such words")
    assert page._note.text() == "The help does not contain this."
    assert page.topic == "unit"
    page.search.clear()
    assert page._note.text() == ""


def test_sql_is_the_one_that_runs() -> None:
    sql = load_unit_sql()
    assert "claim_work_unit" in sql["claim_sql"]
    assert sql["cursor_sql"].endswith("LIMIT 1 FOR UPDATE SKIP LOCKED;")
    columns = re.findall(r"\w+", sql["submit_sql"].partition("(")[2].partition("...")[0])
    assert columns == list(_SUBMISSION)[: len(columns)]


def test_unit_is_explained_before_the_first_one(page: HelpPage) -> None:
    page.show_topic("unit")
    told = page.text.toPlainText()
    assert "SKIP LOCKED" in told
    assert "after the first one is handed in" in told
    assert "{" not in told


def test_links_turn_pages_and_topics(page: HelpPage, session: Session, qtbot: QtBot) -> None:
    with qtbot.waitSignal(session.page_wanted) as wanted:
        page.follow(QUrl("page:charts"))
    assert wanted.args == ["charts"]
    page.follow(QUrl("topic:unit"))
    assert page.topic == "unit"
    page.turn_to("hold")
    assert page.topic == "hold"
    page.follow(QUrl("dialog:leaves"))
    assert page.findChildren(WhatLeavesDialog)


def test_links_change_their_colour_with_the_theme(page: HelpPage) -> None:
    try:
        for theme in ("dark", "light"):
            choose_theme(theme)
            assert colours().accent in page.text.toHtml()
    finally:
        choose_theme("system")


def shown_source(page: HelpPage, link: str, qtbot: QtBot) -> SourceDialog:
    page.follow(QUrl(link))
    qtbot.waitUntil(lambda: bool(page.findChildren(SourceDialog)))
    [dialog] = page.findChildren(SourceDialog)
    assert dialog.isVisible()
    return dialog


def test_source_is_shown_at_the_function_that_is_meant(page: HelpPage, qtbot: QtBot) -> None:
    dialog = shown_source(page, "code:database/api/functions.sql#claim_work_unit", qtbot)
    assert dialog.windowTitle() == "gan_desktop/database/api/functions.sql"
    assert dialog.text.isReadOnly()
    assert dialog.text.textCursor().selectedText().startswith("CREATE FUNCTION claim_work_unit(")
    assert dialog.text.viewport().rect().contains(dialog.text.cursorRect())
    [copy] = [button for button in dialog.findChildren(QPushButton) if button.text() == "Copy"]
    copy.click()
    assert "FOR UPDATE SKIP LOCKED" in QGuiApplication.clipboard().text()


def test_documentation_is_shown_at_the_heading_that_is_meant(page: HelpPage, qtbot: QtBot) -> None:
    dialog = shown_source(page, "doc:architecture.md#what-can-go-wrong", qtbot)
    assert dialog.text.textCursor().selectedText() == "## What can go wrong, and what happens then"


def test_source_that_is_not_there_is_named_where_it_would_stand(page: HelpPage, qtbot: QtBot) -> None:
    dialog = shown_source(page, "doc:not-there.md", qtbot)
    assert dialog.text.toPlainText() == "You find this in the program's source code: docs/not-there.md"


def test_link_to_a_step_has_its_heading_on_top(page: HelpPage) -> None:
    page.follow(QUrl("topic:unit#3"))
    assert page.topic == "unit"
    assert "3. Compute" in page.text.cursorForPosition(QPoint(20, 30)).block().text()


def test_german_page_is_german(session: Session, application: QApplication, qtbot: QtBot) -> None:
    install_translation(application, "de")
    page = HelpPage(session)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitUntil(lambda: "Dein Kurs trainiert" in page.text.toPlainText())
    assert page.contents.item(0).text() == "Was zu tun ist"


def test_times_of_a_real_unit_are_shown(
    held_lesson: Lesson, session: Session, join: Callable[[Address], None], page: HelpPage, qtbot: QtBot
) -> None:
    page.show_topic("unit")
    with held_lesson.coordinating():
        join(held_lesson.add_student("Ana"))
        with qtbot.waitSignal(session.unit_delivered, timeout=PATIENCE_MS) as delivered:
            session.start()
        session.stop_now()
        qtbot.waitUntil(lambda: not session.is_contributing, timeout=PATIENCE_MS)
    unit = delivered.args[0]
    assert isinstance(unit, UnitDelivered)
    assert unit.times.claim > 0
    assert unit.times.load > 0
    assert unit.times.upload > 0
    told = page.text.toPlainText()
    assert "Your last unit was number" in told
    for heading in ("1. Claim", "2. Load", "3. Compute", "4. Hand in"):
        assert re.search(rf"{re.escape(heading)} \(\d+(\.\d+)? m?s\)", told)


def test_help_stands_in_the_window(window: MainWindow, qtbot: QtBot) -> None:
    window.show_page("help")
    assert window.page("help").isVisible()
