"""What to think of before pictures of people are used: CelebA's terms, and people's consent."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QVBoxLayout, QWidget

from gan_desktop.gui.theme import em, scale_font, set_role

CELEBA_PAGE = "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html"


class TermsCard(QFrame):
    """A few sentences beside the choice; the words are our own, the link goes to the data set's page."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, "note")
        self._title = QLabel(self)
        scale_font(self._title, 1.0, bold=True)
        self._words = QLabel(self)
        self._words.setWordWrap(True)
        self._words.setTextFormat(Qt.TextFormat.RichText)
        self._words.setOpenExternalLinks(True)
        self._words.setTextInteractionFlags(Qt.TextInteractionFlag.TextBrowserInteraction)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 0.7), em(self, 0.5), em(self, 0.7), em(self, 0.5))
        column.setSpacing(em(self, 0.25))
        column.addWidget(self._title)
        column.addWidget(self._words)

    @property
    def words(self) -> str:
        """What is said."""
        return f"{self._title.text()} {self._words.text()}"

    def show_celeba(self) -> None:
        """The terms of CelebA."""
        self._title.setText(self.tr("For research only"))
        words = self.tr(
            "CelebA (202,599 faces) may be used for research that is not commercial, and not be passed on."
            ' Read the conditions on <a href="{page}">its page</a>, where you also get img_align_celeba.zip'
            " (1.3 GB). Students' computers get shrunken pictures of it: tell them the same."
        )
        self._words.setText(words.format(page=CELEBA_PAGE))

    def show_consent(self) -> None:
        """A word on pictures of people."""
        self._title.setText(self.tr("Are people in the pictures?"))
        self._words.setText(
            self.tr(
                "Then ask them, or their parents, first. Small copies are stored in the class's database, and"
                " every student's computer gets many of them; with few pictures the network may draw faces"
                " that resemble somebody. What it has learned it does not forget. Flowers, buildings or"
                " drawings teach the same."
            )
        )

    def show_drawn(self) -> None:
        """Nobody is in the drawn faces."""
        self._title.setText(self.tr("Nobody's faces"))
        self._words.setText(
            self.tr(
                "The program draws these faces itself. Nobody has to be asked, nothing is downloaded, and"
                " they are learned quickly: right for a first lesson."
            )
        )
