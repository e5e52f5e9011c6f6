"""The first question: join, teach or try?"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, QUrl, Signal, SignalInstance
from PySide6.QtGui import QDesktopServices, QGuiApplication
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QVBoxLayout, QWidget

from gan_desktop.gui import icons
from gan_desktop.gui.joining.page import WizardPage, plain_label
from gan_desktop.gui.theme import em, scale_font, set_role

# Beside the program where it runs from its source.
INSTRUCTORS_GUIDE = Path(__file__).parents[3] / "docs" / "instructor-console.md"
COMMANDS = """gan-desktop class host --listen 0.0.0.0 --students 30
gan-desktop class init --hosted --title "Vision 2026" --save config.yaml
gan-desktop class import --drawn 6000
gan-desktop class new-run "First faces"
gan-desktop class card --class
gan-desktop --admin"""


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
    """What an instructor does as long as there is no window for it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.set_title(self.tr("Teach a class"))
        self.set_lead(
            self.tr(
                "The instructor's window is not there yet: a class is made and run on the console. These"
                " commands make one on this computer, with a code for everybody in the room:"
            )
        )
        self.commands = plain_label(COMMANDS, self)
        self.commands.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.commands.setAccessibleName(self.tr("Commands"))
        font = self.commands.font()
        font.setFamilies(["monospace", "Consolas", "Menlo"])
        self.commands.setFont(font)
        frame = QFrame(self)
        set_role(frame, "card")
        inside = QVBoxLayout(frame)
        inside.setContentsMargins(em(self, 0.9), em(self, 0.9), em(self, 0.9), em(self, 0.9))
        inside.addWidget(self.commands)
        self.middle.addWidget(frame)
        self.middle.addWidget(
            plain_label(
                self.tr(
                    "The first one serves the class's database until Ctrl+C, so type the others in a second"
                    " console. The last one is the class's main computer: keep it running. What each one"
                    " does, and all the others, stands in docs/instructor-console.md."
                ),
                self,
                role="muted",
            )
        )
        guide = self.add_link(self.tr("The instructor's guide"), self._open_guide)
        guide.setVisible(INSTRUCTORS_GUIDE.exists())
        self.copy = self.add_button(self.tr("Copy the commands"), self._copy, is_primary=True)

    def _open_guide(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(INSTRUCTORS_GUIDE)))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(COMMANDS + "\n")

    def enter(self) -> None:
        """Copying comes first."""
        self.copy.setFocus()


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
