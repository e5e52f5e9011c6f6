"""The first question: join, teach or try?"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QProcess, QSize, Qt, QUrl, Signal, SignalInstance
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.joining.page import WizardPage, plain_label
from gan_desktop.gui.theme import em, scale_font, set_role
from gan_desktop.gui.trouble import Trouble
from gan_desktop.gui.window_session import Places
from gan_desktop.own_process import own_program

# Beside the program where it runs from its source.
INSTRUCTORS_GUIDE = Path(__file__).parents[3] / "docs" / "instructor.md"


class ChoosePage(WizardPage):
    """Three ways to go."""

    join_wanted = Signal()
    teach_wanted = Signal()
    try_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.set_title(self.tr("What would you like to do?"))
        self.set_lead(
            self.tr(
                "A class trains one network together, on everybody's computers, until it draws new faces."
            )
        )
        self.back.hide()
        self.join = self._choice(
            "people",
            self.tr("Join a class"),
            self.tr("You have a join card, a code or a host name from your instructor."),
            self.join_wanted,
        )
        teach = self._choice(
            "board",
            self.tr("Teach a class"),
            self.tr("Make a class for your students and start its training."),
            self.teach_wanted,
        )
        attempt = self._choice(
            "face",
            self.tr("Try it on this computer"),
            self.tr(
                "A small class just for you: first faces after about a minute. Nothing leaves this computer."
            ),
            self.try_wanted,
        )
        for choice in (self.join, teach, attempt):
            self.middle.addWidget(choice)
        self.again = self.add_link(self.tr("Look again for my config.yaml"), lambda: None)

    def _choice(self, icon: str, title: str, words: str, chosen: SignalInstance) -> QPushButton:
        choice = ChoiceButton(icon, title, words, self)
        choice.clicked.connect(lambda _checked=False: chosen.emit())
        return choice

    def enter(self) -> None:
        """The likeliest choice has the focus."""
        self.join.setFocus()


class ChoiceButton(QPushButton):
    """A large button of two lines with an icon."""

    def __init__(self, icon: str, title: str, words: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAutoDefault(True)
        self.setAccessibleName(title)
        self.setAccessibleDescription(words)
        icons.set_icon(self, icon, "accent")
        self.setIconSize(QSize(em(self, 2.2), em(self, 2.2)))
        set_role(self, "choice")
        heading, told = QLabel(title, self), QLabel(words, self)
        scale_font(heading, 1.2, bold=True)
        told.setWordWrap(True)
        set_role(told, "muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 4.6), em(self, 0.3), em(self), em(self, 0.3))
        column.setSpacing(em(self, 0.15))
        column.addStretch(1)
        for label in (heading, told):
            # The button itself is what is clicked.
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            column.addWidget(label)
        column.addStretch(1)
        # A button knows nothing of the lines inside it: room for a heading and two of them.
        self.setMinimumHeight(em(heading) + 2 * em(told) + em(self, 1.6))


class TeachPage(WizardPage):
    """The instructor's window is a program of its own: this page starts it.

    Signals:
        quit_wanted: This window is not needed any more.
    """

    quit_wanted = Signal()

    def __init__(self, places: Places, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places = places
        self.set_title(self.tr("Teach a class"))
        self.middle.addWidget(self._make_steps())
        self.middle.addWidget(
            plain_label(
                self.tr(
                    "The next time you find it in the start menu as GAN Desktop Teaching, or by the command"
                    " gan-desktop --admin. This window is for taking part as a student: you may close it."
                ),
                self,
                role="muted",
            )
        )
        self.again = self.add_link(self.tr("Open it once more"), self.open_window)
        guide = self.add_link(self.tr("The instructor's guide"), self._open_guide)
        guide.setVisible(INSTRUCTORS_GUIDE.exists())
        self.close_this = self.add_button(
            self.tr("Close this window"), self.quit_wanted.emit, is_primary=True
        )

    def _make_steps(self) -> QFrame:
        """What the other window asks, page by page, and what one should have thought of before."""
        steps = (
            (
                self.tr("Where shall the class live?"),
                self.tr(
                    "On this computer, for one room, while it is on; or on a PostgreSQL server, for weeks and"
                    " from home: its address and a login come from your IT."
                ),
            ),
            (
                self.tr("Can others reach it?"),
                self.tr("Try it in the room and Wi-Fi of the lesson, with a phone or a second laptop."),
            ),
            (
                self.tr("Who takes part?"),
                self.tr("A code for everybody, or a list of students with a card for each."),
            ),
            (
                self.tr("What shall it learn to draw?"),
                self.tr("Faces that the program draws itself, or pictures of your own."),
            ),
            (
                self.tr("Ready for the lesson"),
                self.tr(
                    "Start the training, and show the projector. Students start this program and choose “Join"
                    " a class”."
                ),
            ),
        )
        card = QFrame(self)
        set_role(card, "card")
        grid = QGridLayout(card)
        grid.setContentsMargins(em(self, 1.0), em(self, 0.8), em(self, 1.0), em(self, 0.8))
        grid.setHorizontalSpacing(em(self, 0.8))
        grid.setVerticalSpacing(em(self, 0.15))
        grid.setColumnStretch(1, 1)
        for step, (title, words) in enumerate(steps):
            heading = plain_label(title, card)
            scale_font(heading, 1.0, bold=True)
            number = plain_label(f"{step + 1}.", card, role="muted")
            for column, label in enumerate((number, heading)):
                label.setContentsMargins(0, em(self, 0.35) if step else 0, 0, 0)
                grid.addWidget(label, 2 * step, column)
            grid.addWidget(plain_label(words, card, role="muted"), 2 * step + 1, 1)
        return card

    def open_window(self) -> None:
        """Start it; one that is open already comes to the front."""
        self.clear_trouble()
        program, *arguments = teaching_program(self._places)
        # Not our child: it lives on when this window is closed.
        is_started, _ = QProcess.startDetached(program, arguments)
        if is_started:
            opens = self.tr(
                "The instructor's window opens beside this one. The first time it takes some seconds."
            )
            asks = self.tr("It asks five things, and keeps what was begun. You need not know SQL.")
            self.set_lead(f"{opens} {asks}")
            return
        self.set_lead("")
        words = self.tr("The system did not start {program}. Start it by hand: gan-desktop --admin")
        self.show_trouble(
            Trouble(self.tr("The instructor's window does not open"), words.format(program=program))
        )

    def _open_guide(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(INSTRUCTORS_GUIDE)))

    def enter(self) -> None:
        """Closing comes first: the other window comes by itself."""
        self.close_this.setFocus()


def teaching_program(places: Places) -> list[str]:
    """The command that opens the instructor's window of the same person."""
    is_in_one_folder = places == Places.below(places.config)
    folder = [f"--folder={places.config}"] if is_in_one_folder else []
    program, *arguments = own_program("--admin", *folder)
    # Without a console window, where there is such a Python.
    quiet = Path(program).with_name("pythonw.exe")
    return [str(quiet) if quiet.exists() else program, *arguments]


class TryPage(WizardPage):
    """The demo is made: some seconds, which can be cancelled."""

    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.set_title(self.tr("Try it on this computer"))
        self.set_lead(
            self.tr(
                "A database, the class's main computer and you as its only student, all on this computer."
                " It is removed when you leave it or quit."
            )
        )
        self.back.setText(self.tr("Cancel"))

    def enter(self) -> None:
        """Begin with a clean page."""
        self.clear_trouble()
        self.back.setFocus()
