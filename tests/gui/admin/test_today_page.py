"""The page of a lesson: people first, who needs help on top; what is done for one of them; the queue."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QMouseEvent
from PySide6.QtWidgets import QApplication, QMessageBox, QWidget
from pytestqt.qtbot import QtBot

from gan_desktop.database.lessons import UnitFlow, UnitOnItsWay
from gan_desktop.gui.admin.main_window import TeachingWindow
from gan_desktop.gui.admin.session import TeachingSession
from gan_desktop.gui.admin.students.hand_out import HandOutDialog
from gan_desktop.gui.admin.students.made_cards import made_cards
from gan_desktop.gui.admin.students.make_cards import MakeCardsDialog
from gan_desktop.gui.admin.students.student_dialog import StudentDialog
from gan_desktop.gui.admin.today import model as today_model
from gan_desktop.gui.admin.today.message import LONGEST, MessageDialog
from gan_desktop.gui.admin.today.model import NAME, SEES, SPEED
from gan_desktop.gui.admin.today.page import TodayPage
from gan_desktop.gui.admin.today.people import PersonToday, Presence, people_today, sentence_of
from gan_desktop.gui.admin.today.record import RecordDialog
from gan_desktop.gui.translation import install_translation
from gan_desktop.records import ClassTotals, SampleDrawn, WorkerState
from gan_desktop.sentences import sentence
from tests.gui.admin.conftest import PATIENCE_MS
from tests.gui.admin.people import button, computer, newest, snapshot, student
from tests.integration.lesson import Lesson, worker_thread

CLASS = ("Ana", "Ben", "Eva", "Omar", "Zoe")
STAGES: tuple[Literal["in_work", "handed_in", "merged"], ...] = ("in_work", "handed_in", "merged")
LATER = {"unit_id": 42, "num_done": 2_000, "num_images": 2_048, "seconds_left": 2}


@pytest.fixture
def page(idle_teaching: TeachingSession, qtbot: QtBot) -> TodayPage:
    page = TodayPage(idle_teaching)
    qtbot.addWidget(page)
    page.resize(790, 400)
    page.show()
    return page


def show_class(session: TeachingSession) -> None:
    """Ana works, Ben is on hold, Eva waits, Omar has not joined, Zoe has gone."""
    session._take_snapshot(
        snapshot(
            [student(name, num_workers=int(name != "Omar")) for name in CLASS],
            [
                computer("Ana"),
                computer("Ben", on_hold_reason="It is a copy of another account's update 7."),
                computer("Eva", state="waiting_none_free", state_detail={"seconds": 12}),
                computer("Zoe", state="stopped", state_detail={}, silent_s=900.0),
            ],
        )
    )


def rows(page: TodayPage, column: int = NAME) -> list[str]:
    order = page.table.order
    return [order.index(row, column).data() for row in range(order.rowCount())]


def choose(page: TodayPage, name: str) -> None:
    page.table.view.setFocus()
    page.table.view.setCurrentIndex(page.table.order.index(rows(page).index(name), NAME))


def test_a_width_chosen_by_hand_stays_when_the_window_changes_its_own(page: TodayPage, qtbot: QtBot) -> None:
    view = page.table.view
    before = view.columnWidth(NAME)
    page.resize(690, 400)
    qtbot.waitUntil(lambda: view.columnWidth(NAME) < before)
    view.setColumnWidth(NAME, before + 40)
    width = view.width()
    page.resize(750, 400)
    qtbot.waitUntil(lambda: view.width() > width)
    assert view.columnWidth(NAME) == before + 40


# -- who stands where ----------------------------------------------------------------------------


def test_who_needs_help_stands_on_top_and_the_headline_counts_everybody(
    page: TodayPage, idle_teaching: TeachingSession
) -> None:
    show_class(idle_teaching)
    assert rows(page) == ["Ben", "Ana", "Eva", "Omar", "Zoe"]
    headline = "5 students: 1 working, 1 waiting, 1 needs help, 1 not joined, 1 gone"
    assert page.table.headline.text() == headline


def test_the_table_has_the_very_sentence_of_the_students_screen(
    page: TodayPage, idle_teaching: TeachingSession
) -> None:
    show_class(idle_teaching)
    detail = {"unit_id": 42, "num_done": 1_216, "num_images": 2_048, "seconds_left": 90}
    assert rows(page, SEES) == [
        sentence(WorkerState.COMPUTING, detail),
        sentence(WorkerState.COMPUTING, detail),
        sentence(WorkerState.WAITING_NONE_FREE, {"seconds": 12}),
        "Has not joined yet.",
        sentence(WorkerState.STOPPED, {}),
    ]
    assert rows(page, SPEED) == ["9.0/s", "9.0/s", "-", "-", "-"]


def test_a_mark_differs_by_shape_and_is_told_to_those_who_do_not_see_it(
    page: TodayPage, idle_teaching: TeachingSession
) -> None:
    show_class(idle_teaching)
    order = page.table.order
    marks = [order.index(row, NAME).data(Qt.ItemDataRole.DecorationRole) for row in range(5)]
    shapes = {
        mark.pixmap(24).toImage().convertToFormat(QImage.Format.Format_Alpha8).constBits().tobytes()
        for mark in marks
    }
    assert len(shapes) == 5
    spoken = order.index(0, NAME).data(Qt.ItemDataRole.AccessibleTextRole)
    assert spoken == "Ben, needs help"


def test_several_computers_of_a_student_are_one_row_that_counts_them(
    page: TodayPage, idle_teaching: TeachingSession
) -> None:
    quick = computer("Ana", worker_id="w-2", hostname="lab-7", gpu_name="RTX 3060", images_per_second=90.0)
    silent = computer("Ana", worker_id="w-3", hostname="lab-8", silent_s=200.0)
    idle_teaching._take_snapshot(snapshot([student("Ana")], [computer("Ana"), quick, silent]))
    assert rows(page) == ["Ana (3)"]
    # The one that needs help speaks; those at work make the speed.
    assert rows(page, SEES) == ["No sign of life for about 3 min."]
    assert rows(page, SPEED) == ["99/s"]
    page.table.view.setCurrentIndex(page.table.order.index(0, NAME))
    assert "lab-8 (processor, heard of 3 min ago)" in page.table._detail.text()
    assert "lab-7 (RTX 3060" in page.table._detail.text()


def test_namesakes_keep_their_own_computers_and_who_was_removed_is_not_listed(
    page: TodayPage, idle_teaching: TeachingSession
) -> None:
    one, other = student("Ana"), student("Ana", user="s_ana2")
    gone = student("Ben", is_withdrawn=True)
    idle_teaching._take_snapshot(snapshot([one, other, gone], [computer("Ana", user="s_ana2")]))
    people = people_today(idle_teaching.snapshot.students, idle_teaching.snapshot.status)
    assert [(p.user, p.presence) for p in people] == [
        ("s_ana", Presence.NOT_JOINED),
        ("s_ana2", Presence.WORKING),
    ]
    assert len(rows(page)) == 2


def test_filter_and_name_narrow_the_table(
    page: TodayPage, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    show_class(idle_teaching)
    page.filter.setFocus()
    qtbot.keyClick(page.filter, Qt.Key.Key_Down)
    assert rows(page) == ["Ben"]
    page.filter.setCurrentIndex(0)
    qtbot.keyClicks(page.search, "a")
    assert rows(page) == ["Ana", "Eva", "Omar"]
    # The sentences are not searched: they change under one's fingers.
    page.search.setText("learning")
    assert rows(page) == []


def test_without_people_the_page_says_what_to_do(page: TodayPage, idle_teaching: TeachingSession) -> None:
    assert "as soon as there is one" in page._instead.text()
    show_class(idle_teaching)
    assert page._instead.isHidden()


def test_a_class_that_is_over_is_not_said_to_wait_for_people(
    page: TodayPage, teaching: TeachingSession
) -> None:
    over = ClassTotals("Vision", 0, 0, 0.0, 0, 0, ended_at=1.0)
    teaching._take_snapshot(replace(snapshot([], []), totals=over))
    assert page._instead.text() == "The class has ended."
    moved = replace(over, has_moved=True)
    teaching._take_snapshot(replace(snapshot([], []), totals=moved))
    assert "another server" in page._instead.text()


def test_names_and_sentences_of_others_are_no_markup(page: TodayPage, idle_teaching: TeachingSession) -> None:
    bad = "<b>Bad</b>"
    idle_teaching._take_snapshot(snapshot([student("x", name=bad)], [computer("x", last_error=bad)]))
    index = page.table.order.index(0, SEES)
    assert "<" not in index.data(Qt.ItemDataRole.ToolTipRole)
    page.table.view.setCurrentIndex(index)
    assert page.table._detail.textFormat() is Qt.TextFormat.PlainText
    assert bad in page.table._detail.text()


def test_the_page_speaks_german(
    idle_teaching: TeachingSession, application: QApplication, qtbot: QtBot
) -> None:
    install_translation(application, "de")
    page = TodayPage(idle_teaching)
    qtbot.addWidget(page)
    show_class(idle_teaching)
    assert page.table.headline.text().startswith("5 Personen: 1 arbeitet, 1 wartet, 1 braucht Hilfe")
    assert rows(page, SEES)[1].startswith("Lernt aus Einheit 42: 1.216 von 2.048 Bildern")


# -- two hundred that change every second --------------------------------------------------------


def test_two_hundred_that_change_keep_choice_scroll_bar_and_order(
    page: TodayPage, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    names = [f"Student {number:03}" for number in range(200)]
    students = [student(name) for name in names]
    idle_teaching._take_snapshot(snapshot(students, [computer(name) for name in names]))
    choose(page, "Student 100")
    view = page.table.view
    view.scrollTo(view.currentIndex(), view.ScrollHint.PositionAtCenter)
    scrolled = view.verticalScrollBar().value()
    assert scrolled > 0
    resets, layouts = [], []
    page.table.order.modelReset.connect(lambda: resets.append(1))
    page.table.order.layoutChanged.connect(lambda: layouts.append(1))
    idle_teaching._take_snapshot(snapshot(students, [computer(name, state_detail=LATER) for name in names]))
    assert rows(page) == names
    assert rows(page, SEES)[100].startswith("Learning from unit 42: 2,000 of 2,048 images")
    assert page.table.current is not None and page.table.current.name == "Student 100"
    assert view.verticalScrollBar().value() == scrolled
    assert (resets, layouts) == ([], [])


def test_who_comes_to_need_help_rises_and_the_choice_stays_with_the_person(
    page: TodayPage, idle_teaching: TeachingSession
) -> None:
    show_class(idle_teaching)
    choose(page, "Eva")
    now = idle_teaching.snapshot
    assert now.status is not None
    workers = [replace(w, last_error="no") if w.owner == "Eva" else w for w in now.status.workers]
    idle_teaching._take_snapshot(snapshot(list(now.students), workers))
    assert rows(page)[:2] == ["Ben", "Eva"]
    assert page.table.current is not None and page.table.current.name == "Eva"


def test_only_sentences_that_are_seen_are_made(
    page: TodayPage, idle_teaching: TeachingSession, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    names = [f"Student {number:03}" for number in range(200)]
    made: list[PersonToday] = []

    def sentence_seen(person: PersonToday) -> str:
        made.append(person)
        return sentence_of(person)

    monkeypatch.setattr(today_model, "sentence_of", sentence_seen)
    idle_teaching._take_snapshot(
        snapshot([student(name) for name in names], [computer(name) for name in names])
    )
    qtbot.waitUntil(lambda: bool(made))
    qtbot.wait(50)
    assert len({person.user for person in made}) < 40


# -- what is done for them -----------------------------------------------------------------------


def test_a_message_reaches_one_student_or_all(
    admin_window: TeachingWindow, taught: Lesson, qtbot: QtBot
) -> None:
    page = today(admin_window)
    ana = taught.add_student("Ana")
    admin_window.session.refresh()
    qtbot.waitUntil(lambda: rows(page) == ["Ana"], timeout=PATIENCE_MS)
    choose(page, "Ana")
    qtbot.keyClick(page.table.view, Qt.Key.Key_Return)
    dialog = newest(page, MessageDialog)
    assert not dialog.send_button.isEnabled()
    qtbot.keyClicks(dialog.words, "Plug in")
    with qtbot.waitSignal(dialog.sent, timeout=PATIENCE_MS):
        qtbot.mouseClick(dialog.send_button, Qt.MouseButton.LeftButton)
    [sent] = taught.query(
        "SELECT m.text, a.login FROM gan.messages AS m JOIN gan.accounts AS a USING (account_id)"
    )
    assert (sent.text, sent.login) == ("Plug in", ana.user)
    assert page._note.text() == "Sent. Ana is not there now; it waits for an hour."
    qtbot.mouseClick(page.side.message_button, Qt.MouseButton.LeftButton)
    dialog = newest(page, MessageDialog)
    dialog.words.setPlainText("Five\nminutes")
    with qtbot.waitSignal(dialog.sent, timeout=PATIENCE_MS):
        dialog.send()
    texts = [row.text for row in taught.query("SELECT text FROM gan.messages WHERE account_id IS NULL")]
    assert texts == ["Five minutes"]


def test_words_that_are_too_long_are_not_sent_and_stay(
    idle_teaching: TeachingSession, page: TodayPage
) -> None:
    page.ask_message(None)
    dialog = newest(page, MessageDialog)
    dialog.words.setPlainText("x" * (LONGEST + 3))
    assert not dialog.send_button.isEnabled()
    assert dialog.note.text() == "3 characters too many."
    dialog.reject()


def test_hold_and_release_show_the_evidence_before(
    admin_window: TeachingWindow, taught: Lesson, qtbot: QtBot
) -> None:
    page, session = today(admin_window), admin_window.session
    session.begin_training(taught.run_id)
    with worker_thread(taught, taught.add_student("Ben")):
        taught.await_iteration(1)
        session.refresh()
        qtbot.waitUntil(lambda: "1 working" in page.table.headline.text(), timeout=PATIENCE_MS)
        choose(page, "Ben")
        page.table.record.trigger()
        dialog = newest(page, RecordDialog)
        qtbot.waitUntil(lambda: "count" in dialog.standing.text(), timeout=PATIENCE_MS)
        qtbot.keyClicks(dialog.reason, "odd figures")
        with qtbot.waitSignal(dialog.decided, timeout=PATIENCE_MS):
            qtbot.mouseClick(button(dialog, "Put on hold"), Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "1 needs help" in page.table.headline.text(), timeout=PATIENCE_MS)
        choose(page, "Ben")
        assert "On hold: odd figures" in page.table._detail.text()
        page.table.record.trigger()
        dialog = newest(page, RecordDialog)
        qtbot.waitUntil(lambda: "On hold: odd figures" in dialog.standing.text(), timeout=PATIENCE_MS)
        with qtbot.waitSignal(dialog.decided, timeout=PATIENCE_MS):
            qtbot.mouseClick(button(dialog, "Let it go on"), Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: "1 needs help" not in page.table.headline.text(), timeout=PATIENCE_MS)
        assert page._note.text() == "Ben goes on."


def test_withdrawing_a_card_asks_first(admin_window: TeachingWindow, taught: Lesson, qtbot: QtBot) -> None:
    page = today(admin_window)
    taught.add_student("Ben")
    admin_window.session.refresh()
    qtbot.waitUntil(lambda: rows(page) == ["Ben"], timeout=PATIENCE_MS)
    choose(page, "Ben")
    qtbot.keyClick(page.table.view, Qt.Key.Key_Delete)
    box = newest(admin_window, QMessageBox)
    assert box.text() == 'Withdraw the card of "Ben"?'
    button(box, "Cancel").click()
    assert rows(page) == ["Ben"]
    qtbot.keyClick(page.table.view, Qt.Key.Key_Delete)
    button(newest(admin_window, QMessageBox), "Withdraw").click()
    qtbot.waitUntil(lambda: rows(page) == [], timeout=PATIENCE_MS)


def test_a_new_card_is_known_to_the_students_page(
    admin_window: TeachingWindow, taught: Lesson, qtbot: QtBot
) -> None:
    page = today(admin_window)
    user = taught.add_student("Ben").user
    admin_window.session.refresh()
    qtbot.waitUntil(lambda: rows(page) == ["Ben"], timeout=PATIENCE_MS)
    choose(page, "Ben")
    page.table.card.trigger()
    newest(page, MakeCardsDialog).make.click()
    qtbot.waitUntil(lambda: bool(page.findChildren(HandOutDialog)), timeout=PATIENCE_MS)
    cards, made = newest(page, HandOutDialog), made_cards(admin_window.session)
    assert made.password(user) and not made.is_unsaved(user)
    cards.reject()
    button(newest(cards, QMessageBox), "Close without saving").click()
    assert made.is_unsaved(user)


def test_a_student_is_renamed_from_the_row(
    admin_window: TeachingWindow, taught: Lesson, qtbot: QtBot
) -> None:
    page = today(admin_window)
    taught.add_student("Benn")
    admin_window.session.refresh()
    qtbot.waitUntil(lambda: rows(page) == ["Benn"], timeout=PATIENCE_MS)
    choose(page, "Benn")
    qtbot.keyClick(page.table.view, Qt.Key.Key_F2)
    dialog = newest(page, StudentDialog)
    dialog.name.setText("Ben")
    dialog.save.click()
    qtbot.waitUntil(lambda: rows(page) == ["Ben"], timeout=PATIENCE_MS)


def test_the_menu_offers_each_computers_record(
    page: TodayPage, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    other = computer("Ana", worker_id="w-2", hostname="lab-7")
    idle_teaching._take_snapshot(snapshot([student("Ana")], [computer("Ana"), other]))
    choose(page, "Ana (2)")
    assert page.table.current is not None
    menu = page.table.menu(page.table.current)
    entries = [entry.text() for entry in menu.actions() if entry.text()]
    assert entries[:3] == ["Message ...", "Results of Ana-pc ...", "Results of lab-7 ..."]
    with qtbot.waitSignal(page.table.record_wanted) as asked:
        next(entry for entry in menu.actions() if "lab-7" in entry.text()).trigger()
    newest(page, RecordDialog).reject()
    assert asked.args[0].worker_id == "w-2"
    page.table.card.trigger()
    cards = newest(page, MakeCardsDialog)
    assert cards.make.isVisible()
    cards.reject()


def test_rows_are_copied_for_a_spreadsheet(page: TodayPage, idle_teaching: TeachingSession) -> None:
    show_class(idle_teaching)
    page.table.view.copy()
    lines = QGuiApplication.clipboard().text().splitlines()
    assert lines[0] == "Name\tWhat the student sees\tSpeed"
    assert len(lines) == 6


# -- beside them ---------------------------------------------------------------------------------


def test_faces_shares_and_distance_stand_beside_the_people(
    page: TodayPage, idle_teaching: TeachingSession
) -> None:
    show_class(idle_teaching)
    side = page.side
    assert (side._fake.text(), side._real.text(), side._distance.text()) == ("78%", "80%", "98")
    # It is measured now and then, and may be older than what stands above it.
    assert side._titles[side._distance].text() == "Distance (iteration 2)"
    assert side.curve.isVisible()
    idle_teaching._take_sample(SampleDrawn(2, _png()))
    assert side.faces.has_picture and side._caption.text() == "Iteration 2"
    # An older one that somebody else has asked for is not shown here.
    idle_teaching._take_sample(SampleDrawn(1, _png()))
    assert side._caption.text() == "Iteration 2"


# -- the queue -----------------------------------------------------------------------------------

FLOW = UnitFlow(
    (
        UnitOnItsWay(1, "s_ana", "Ana", "merged", 2_048, 2_048),
        UnitOnItsWay(2, "s_ben", "Ben", "handed_in", 1_024, 1_024),
        UnitOnItsWay(3, "s_eva", "Eva", "in_work", 2_048, 512),
        UnitOnItsWay(4, "s_eva", "Eva", "in_work", 2_048, 0),
    ),
    0,
    0.25,
)


def test_a_dot_goes_from_the_students_hands_into_the_iteration(
    page: TodayPage, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    idle_teaching._take_snapshot(snapshot([student("Ana")], [], flow=FLOW))
    qtbot.mouseClick(button(page, "Queue"), Qt.MouseButton.LeftButton)
    assert page.queue.isVisible() and not page.search.isVisible()
    picture = page.queue.picture
    _, in_work, handed_in, merged = picture._layout.stations
    assert merged.contains(picture.spot(1)) and handed_in.contains(picture.spot(2))
    assert in_work.contains(picture.spot(3)) and picture._layout.ahead == {4}
    before = picture.spot(3)
    later = replace(FLOW, units=(*FLOW.units[:2], replace(FLOW.units[2], num_done=1_536), FLOW.units[3]))
    idle_teaching._take_snapshot(snapshot([student("Ana")], [], flow=later))
    assert picture.spot(3).x() > before.x() and picture.spot(3).y() == before.y()
    assert picture.accessibleDescription() == (
        "Pictures 25% given out; In work 1 unit; Handed in 1 unit; Iteration 2 1 unit"
    )


def test_less_motion_moves_no_dot(page: TodayPage, idle_teaching: TeachingSession) -> None:
    page.show_view(1)
    idle_teaching._take_snapshot(snapshot([], [], flow=FLOW))
    idle_teaching.change_preferences(less_motion=True)
    later = replace(FLOW, units=(replace(FLOW.units[2], num_done=2_000),))
    idle_teaching._take_snapshot(snapshot([], [], flow=later))
    assert page.queue.picture._spots() == page.queue.picture._layout.spots


def test_keys_and_mouse_choose_a_dot_and_tell_of_it(
    page: TodayPage, idle_teaching: TeachingSession, qtbot: QtBot
) -> None:
    idle_teaching._take_snapshot(snapshot([], [], flow=FLOW))
    page.show_view(1)
    picture = page.queue.picture
    picture._move.stop()
    qtbot.keyClick(picture, Qt.Key.Key_Right)
    assert page.queue.chosen.text() == "Ana: unit 1, 2,048 images, merged"
    qtbot.keyClick(picture, Qt.Key.Key_Left)
    assert page.queue.chosen.text() == "Eva: unit 4, 0 of 2,048 images learned from"
    qtbot.keyClick(picture, Qt.Key.Key_Escape)
    assert page.queue.chosen.text() == ""
    move_mouse(picture, picture.spot(2))
    assert page.queue.chosen.text() == "Ben: unit 2, 1,024 images, handed in"
    move_mouse(picture, QPointF(1.0, 1.0))
    assert page.queue.chosen.text() == ""


def move_mouse(widget: QWidget, spot: QPointF) -> None:
    nothing = Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    moved = QMouseEvent(QEvent.Type.MouseMove, spot, widget.mapToGlobal(spot), *nothing)
    QApplication.sendEvent(widget, moved)


@pytest.mark.parametrize("num_people", [1, 12, 30, 200])
@pytest.mark.parametrize("size", [(760, 300), (1_500, 700)])
def test_every_dot_has_its_place_inside_its_station(
    page: TodayPage, idle_teaching: TeachingSession, num_people: int, size: tuple[int, int]
) -> None:
    units = tuple(
        UnitOnItsWay(3 * at + kind, f"s_{at:03}", f"Student {at:03}", stage, 100, 10 * (at % 11))
        for at in range(num_people)
        for kind, stage in enumerate(STAGES)
    )
    page.show_view(1)
    page.queue.picture.resize(*size)
    page.queue.picture.show_flow(UnitFlow(units, 0, 0.5), iteration=3, animated=False)
    layout = page.queue.picture._layout
    stations = dict(zip(STAGES, layout.stations[1:], strict=True))
    for unit in units:
        assert stations[unit.stage].contains(layout.spots[unit.unit_id]), unit
    tracks = [(track.left.x(), track.left.y()) for track in layout.tracks]
    assert len(set(tracks)) == num_people


def today(window: TeachingWindow) -> TodayPage:
    page = window.page("today")
    assert isinstance(page, TodayPage)
    return page


def _png() -> bytes:
    import numpy as np

    from gan_desktop.training.picture_files import grid, png

    pictures = np.random.default_rng(1).integers(0, 256, (64, 32, 32, 3), np.uint8)
    return png(grid(pictures, 8))
