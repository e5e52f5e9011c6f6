"""The page of the settings: when, how hard, where, the person. Everything acts at once, without an OK."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QSignalBlocker, Qt, Slot
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.autostart import Autostart
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.computer_facts import ComputerFacts, read_computer_facts
from gan_desktop.gui.preferences import PaceName, Preferences
from gan_desktop.gui.session import Session
from gan_desktop.gui.settings_fields import SettingsCard, tell
from gan_desktop.gui.settings_where import WhereCard
from gan_desktop.gui.theme import choose_theme, em, set_role
from gan_desktop.gui.translation import LANGUAGES, chosen_language, engine_text, language_in_force
from gan_desktop.gui.words import number
from gan_desktop.names import MAX_NAME
from gan_desktop.worker.limits import BATTERY_FLOOR_PERCENT

# Longer lines are hard to read.
WIDEST_EM = 46


class SettingsPage(QWidget):
    """A column of cards that scrolls, and the list of them to jump by.

    Args:
        autostart: How the program is started with the computer; None: in this system's own way.
    """

    def __init__(
        self, session: Session, parent: QWidget | None = None, autostart: Autostart | None = None
    ) -> None:
        super().__init__(parent)
        self._facts: ComputerFacts | None = None
        self._is_jumping = False
        self._in_demo = QLabel(self)
        self._in_demo.setText(
            self.tr(
                "In the demo only “How hard” acts: it never pauses by itself. The rest holds for classes."
            )
        )
        self._in_demo.setWordWrap(True)
        set_role(self._in_demo, "muted")
        self.when = WhenCard(session, self)
        self.how_hard = HowHardCard(session, self)
        self.where = WhereCard(session, self, autostart)
        self.person = PersonCard(session, self)
        self._cards = (self.when, self.how_hard, self.where, self.person)
        self.contents = self._make_contents()
        self._session = session
        self._lay_out()
        session.class_changed.connect(self._show_demo)
        self._show_demo()

    def _make_contents(self) -> QListWidget:
        contents = QListWidget(self)
        contents.setAccessibleName(self.tr("Sections"))
        for card in self._cards:
            contents.addItem(card.title)
        contents.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        contents.setFixedWidth(contents.sizeHintForColumn(0) + em(self, 2.6))
        set_role(contents, "sidebar")
        contents.setCurrentRow(0)
        contents.currentRowChanged.connect(self._scroll_to)
        # Also back to a section that is chosen already.
        contents.itemClicked.connect(lambda item: self._scroll_to(contents.row(item)))
        return contents

    @Slot(int)
    def _scroll_to(self, row: int) -> None:
        # The section that was asked for stays marked, also where it is too far down to come to the top.
        self._is_jumping = True
        self._area.verticalScrollBar().setValue(self._cards[row].y())
        self._is_jumping = False

    @Slot()
    def _mark_section(self) -> None:
        """Whoever scrolls sees in the list where they are."""
        if self._is_jumping:
            return
        bar = self._area.verticalScrollBar()
        begun = [row for row, card in enumerate(self._cards) if card.y() <= bar.value() + em(self, 2)]
        at_end = bar.value() == bar.maximum()
        with QSignalBlocker(self.contents):
            self.contents.setCurrentRow(len(self._cards) - 1 if at_end else max(begun, default=0))

    def _lay_out(self) -> None:
        inside = QWidget(self)
        inside.setMaximumWidth(em(self, WIDEST_EM))
        column = QVBoxLayout(inside)
        column.setContentsMargins(em(self), 0, em(self), em(self))
        column.setSpacing(em(self))
        for widget in (self._in_demo, *self._cards):
            column.addWidget(widget)
        column.addStretch(1)
        self._area = area = QScrollArea(self)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inside)
        area.viewport().setAutoFillBackground(False)
        inside.setAutoFillBackground(False)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, em(self), 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.contents)
        whole.addWidget(area, 1)
        area.verticalScrollBar().valueChanged.connect(self._mark_section)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name. What the computer can tell is asked when somebody looks."""
        super().showEvent(event)
        self.where.look()
        if self._facts is None:
            run_in_background(read_computer_facts, self._take_facts, self._leave_facts, owner=self)

    def _take_facts(self, facts: ComputerFacts) -> None:
        self._facts = facts
        self.when.show_facts(facts)
        self.how_hard.show_facts(facts)

    def _leave_facts(self, _error: GanDesktopError) -> None:
        """What is not known is not said."""

    @Slot()
    def _show_demo(self) -> None:
        joined = self._session.joined
        self._in_demo.setVisible(joined is not None and joined.is_demo)


class WhenCard(SettingsCard):
    """Limits on the time: every one is a reason to pause."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(_tr("When"), session, parent)
        self.plugged_in = self.switch(self.tr("ONLY while plugged in"), "only_plugged_in")
        self.add(self.plugged_in)
        self.charge = self.whole_number("battery_percent", BATTERY_FLOOR_PERCENT, 100, "%")
        self.add(self.tr("On battery, ONLY above"), self.charge)
        self._battery = self.add_note()
        self.idle = self.switch(self.tr("ONLY while nobody has used this computer for"), "only_when_idle")
        self.minutes = self.whole_number("idle_minutes", 1, 1_440, self.tr("min"))
        self.add(self.idle, self.minutes)
        self._use = self.add_note()
        self.hours = self.switch(self.tr("ONLY from"), "only_between_hours")
        self.first, self.last = self.time_of_day("from_time"), self.time_of_day("until_time")
        self.first.setAccessibleName(self.tr("from"))
        self.add(self.hours, self.first, self.tr("until"), self.last)
        self.programs = self.line("not_while_running", _names, ", ".join)
        self.programs.setMinimumWidth(em(self, 16))
        self.programs.setPlaceholderText(self.tr("none"))
        self.add(self.tr("ONLY while none of these programs runs:"), self.programs)
        self.add_note(self.tr("Names as in the list of processes, with commas between them: zoom, obs"))
        self.unmetered = self.switch(
            self.tr("ONLY over connections that are not metered (not over a phone)"), "only_unmetered"
        )
        self.add(self.unmetered)
        self._metered = self.add_note()
        session.preferences_changed.connect(self._enable)
        self._enable(session.preferences)

    @Slot(object)
    def _enable(self, likes: Preferences) -> None:
        self.charge.setEnabled(not likes.only_plugged_in)
        self.minutes.setEnabled(likes.only_when_idle)
        self.first.setEnabled(likes.only_between_hours)
        self.last.setEnabled(likes.only_between_hours)

    def show_facts(self, facts: ComputerFacts) -> None:
        """Say which limits have no effect on this computer, and why."""
        battery = self.tr("No battery was found: this computer counts as plugged in.")
        tell(self._battery, "" if facts.has_battery else battery)
        use = self.tr("This system does not tell whether somebody uses it: this limit has no effect here.")
        tell(self._use, "" if facts.tells_use else use)
        metered = self.tr("This system does not tell which connections are metered: none counts as such.")
        tell(self._metered, "" if facts.tells_metered else metered)


class HowHardCard(SettingsCard):
    """Limits on what the computer gives."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(_tr("How hard"), session, parent)
        self._captions: dict[PaceName, str] = {
            "quiet": self.tr("Rests more than it works: cool and silent."),
            "balanced": self.tr("Other programs come first."),
            "full": self.tr("All this computer has. It may get loud."),
        }
        names = {"quiet": self.tr("Quiet"), "balanced": self.tr("Balanced"), "full": self.tr("Full")}
        self._group = QButtonGroup(self)
        self.paces = {pace: QRadioButton(names[pace], self) for pace in self._captions}
        for pace, button in self.paces.items():
            button.setAccessibleDescription(self._captions[pace])
            self._group.addButton(button)
        self._group.buttonClicked.connect(self._choose_pace)
        self.add(*self.paces.values())
        self._caption = self.add_note(" ")
        self.heat = self.whole_number("max_temperature_c", 50, 110, "°C")
        self.add(self.tr("ONLY while the graphics card is cooler than"), self.heat)
        self._no_heat = self.add_note()
        self.memory = self.cap(self.tr("Memory: at most"), "max_memory_gb", 4.0, 4_096.0, "GB")
        self.add(*self.memory)
        self._memory_here = self.add_note()
        self.network = self.cap(self.tr("Network: at most"), "max_mbit_s", 10.0, 100_000.0, "Mbit/s")
        self.add(*self.network)
        session.preferences_changed.connect(self._show_pace)
        self._show_pace(session.preferences)

    @Slot()
    def _choose_pace(self) -> None:
        for pace, button in self.paces.items():
            if button.isChecked():
                self._session.change_preferences(pace=pace)

    @Slot(object)
    def _show_pace(self, likes: Preferences) -> None:
        self.paces[likes.pace].setChecked(True)
        self._caption.setText(self._captions[likes.pace])

    def show_facts(self, facts: ComputerFacts) -> None:
        """Say what cannot be kept to here, and how much memory there is."""
        no_heat = self.tr("{reason} Its heat is not measured, so this limit has no effect here.")
        reason = engine_text(facts.why_no_temperature)
        tell(self._no_heat, no_heat.format(reason=reason) if reason else "")
        if facts.memory_gb:
            words = self.tr("This computer has {number} GB. The program needs 1 to 2 GB of them.")
            tell(self._memory_here, words.format(number=number(facts.memory_gb, 1)))


class PersonCard(SettingsCard):
    """Name, language, looks."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(_tr("You and this program"), session, parent)
        self.name = self.line("name")
        self.name.setMaxLength(MAX_NAME)
        self.name.setMinimumWidth(em(self, 14))
        self.add(self.tr("This computer's name:"), self.name)
        self.add_note(
            self.tr(
                "Your instructor tells your computers apart by it; a new one holds when you next start"
                " contributing. The leaderboard shows the name of your card."
            )
        )
        languages = {"": self.tr("As the system"), "en": "English", "de": "Deutsch"}
        assert set(languages) == {"", *LANGUAGES}
        self.language = self.choice("language", languages)
        self.add(self.tr("Language:"), self.language)
        self._later = self.add_note()
        self.theme = self.choice(
            "theme",
            {"system": self.tr("As the system"), "light": self.tr("Light"), "dark": self.tr("Dark")},
        )
        self.add(self.tr("Colours:"), self.theme)
        self.motion = self.switch(self.tr("Less motion: pictures change without fading"), "less_motion")
        self.add(self.motion)
        session.preferences_changed.connect(self._act)
        self._act(session.preferences)

    @Slot(object)
    def _act(self, likes: Preferences) -> None:
        names = {"en": "English", "de": "Deutsch"}
        wanted = chosen_language(likes.language)
        words = self.tr("{language} from the next start of the program.").format(language=names[wanted])
        tell(self._later, "" if wanted == language_in_force() else words)
        choose_theme(likes.theme)
        own = self._session.joined.options.name if self._session.joined is not None else ""
        self.name.setPlaceholderText(own or self.tr("as this computer is called"))


def _names(text: str) -> tuple[str, ...]:
    """Names between commas; empty ones and repetitions are left out."""
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _tr(text: str) -> str:
    return QCoreApplication.translate("settings", text)
