"""Questions before what cannot be taken back: a sentence, or the class's name to type."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QGridLayout, QLineEdit, QMessageBox, QRadioButton, QSpacerItem, QWidget

from gan_desktop.gui.admin.sheet import Sheet
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em

QUESTION_EM = 27


def ask_first(parent: QWidget, question: str, consequence: str, verb: str, act: Callable[[], None]) -> None:
    """Ask one question; `act` follows on `verb`, nothing on Cancel, which Return presses.

    Args:
        consequence: What will happen.
    """
    box = QMessageBox(
        QMessageBox.Icon.Question, question, question, QMessageBox.StandardButton.NoButton, parent
    )
    box.setInformativeText(consequence)
    # A box is as wide as its first line, which is short, and cuts its title.
    if isinstance(layout := box.layout(), QGridLayout):
        layout.addItem(QSpacerItem(em(box, QUESTION_EM), 0), layout.rowCount(), 0, 1, layout.columnCount())
    do = box.addButton(verb, QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(box.addButton(parent.tr("Cancel"), QMessageBox.ButtonRole.RejectRole))
    box.finished.connect(box.deleteLater)
    do.clicked.connect(lambda _checked=False: act())
    box.open()


class TypedQuestion(Sheet):
    """Goes on only when the class's name was typed.

    Args:
        name: The class's.
        verb: What the button says.
        act: Follows when it is pressed; gets the sheet, which stays open until it is closed.
    """

    def __init__(
        self, title: str, lead: str, name: str, verb: str, act: Callable[[], None], parent: QWidget
    ) -> None:
        super().__init__(title, lead, parent)
        self._name, self._act = name, act
        label = plain_label(
            parent.tr('To go on, type the name of the class: "{name}"').format(name=name), self
        )
        self.typed = QLineEdit(self)
        self.typed.setMinimumHeight(em(self, 1.9))
        self.typed.setAccessibleName(label.text())
        label.setBuddy(self.typed)
        self.middle.addWidget(label)
        self.middle.addWidget(self.typed)
        self.add_button(parent.tr("Cancel"), self.reject)
        self.do = self.add_button(verb, self._press, is_primary=True)
        self.do.setEnabled(False)
        self.typed.textChanged.connect(self._compare)
        self.setMinimumWidth(em(self, 30))
        self.typed.setFocus()

    def _compare(self, text: str) -> None:
        self.do.setEnabled(text.strip().casefold() == self._name.strip().casefold())

    def _press(self) -> None:
        self.accept()
        self._act()


class EraseQuestion(TypedQuestion):
    """Asks also what becomes of the credit."""

    def __init__(self, lead: str, name: str, act: Callable[[bool], None], parent: QWidget) -> None:
        super().__init__(
            parent.tr("Erase personal data"), lead, name, parent.tr("Erase"), self._answer, parent
        )
        self._answered = act
        self.keep = QRadioButton(
            parent.tr('Keep what each has done as numbers, as "Student 1", "Student 2" ...'), self
        )
        self.forget = QRadioButton(parent.tr("Keep nothing of what each has done"), self)
        self.keep.setChecked(True)
        for at, choice in enumerate((self.keep, self.forget)):
            self.middle.insertWidget(at, choice)

    def _answer(self) -> None:
        self._answered(self.keep.isChecked())
