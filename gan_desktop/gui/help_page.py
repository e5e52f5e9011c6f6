"""The page of the help: what to do, questions, what happens in a unit, what one can learn by taking part."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, QUrl, Slot
from PySide6.QtGui import (
    QGuiApplication,
    QKeySequence,
    QShortcut,
    QShowEvent,
    QTextBlockFormat,
    QTextCursor,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListWidget,
    QTextBrowser,
    QVBoxLayout,
    QWidget,
)

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui import icons
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.help_texts import load_topics, load_unit_sql
from gan_desktop.gui.joining.what_leaves import show_what_leaves
from gan_desktop.gui.session import Session
from gan_desktop.gui.source_dialog import SourceDialog, read_source
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import language_in_force, mark
from gan_desktop.gui.words import duration, number
from gan_desktop.records import RunConfig, UnitDelivered

TITLES = {
    "guide": mark("What to do"),
    "questions": mark("Questions"),
    "words": mark("Words"),
    "unit": mark("What happens in a unit"),
    "learn": mark("What you can learn"),
    "hold": mark("Results on hold"),
}
LINE_PERCENT = 120.0


class HelpPage(QWidget):
    """Topics on the left, the chosen one on the right. Links lead to pages, topics and files."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._topics: dict[str, str] = {}
        self._sql: dict[str, str] = {}
        self._delivered: UnitDelivered | None = None
        self.contents = QListWidget(self)
        self.contents.setAccessibleName(self.tr("Topics"))
        for title in TITLES.values():
            self.contents.addItem(QCoreApplication.translate("help", title))
        self.contents.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.contents.setFixedWidth(self.contents.sizeHintForColumn(0) + em(self, 2.6))
        self.contents.currentRowChanged.connect(self._show)
        set_role(self.contents, "sidebar")
        self.text = QTextBrowser(self)
        self.text.setOpenLinks(False)
        self.text.setFrameShape(QFrame.Shape.NoFrame)
        self.text.setAccessibleName(self.tr("Help"))
        self.text.document().setDocumentMargin(em(self, 0.6))
        self.text.anchorClicked.connect(self.follow)
        self._note = QLabel(self)
        self._note.setWordWrap(True)
        set_role(self._note, "muted")
        self.search = self._make_search()
        self._lay_out()
        session.unit_delivered.connect(self._take_unit)
        # A text keeps the colour of the links that it was made with.
        QGuiApplication.styleHints().colorSchemeChanged.connect(self._show)
        self.contents.setCurrentRow(0)

    def _lay_out(self) -> None:
        card = QFrame(self)
        set_role(card, "card")
        inside = QVBoxLayout(card)
        margin = em(self, 0.4)
        inside.setContentsMargins(margin, margin, margin, margin)
        inside.addWidget(self.text, 1)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, em(self), em(self), em(self))
        row.setSpacing(em(self))
        row.addWidget(self.contents)
        right = QVBoxLayout()
        right.setSpacing(em(self, 0.6))
        top = QHBoxLayout()
        top.setSpacing(em(self, 0.6))
        top.addWidget(self.search, 2)
        top.addWidget(self._note, 3)
        right.addLayout(top)
        right.addWidget(card, 1)
        row.addLayout(right, 1)

    def _make_search(self) -> QLineEdit:
        search = QLineEdit(self, clearButtonEnabled=True)
        search.setPlaceholderText(self.tr("Find in the help"))
        search.setAccessibleName(self.tr("Find in the help"))
        search.setMaximumWidth(em(self, 14))
        icons.set_icon(
            search.addAction(icons.icon("search"), QLineEdit.ActionPosition.LeadingPosition), "search"
        )
        search.textChanged.connect(lambda _words: self._find(is_next=False))
        search.returnPressed.connect(lambda: self._find(is_next=True))
        find = QShortcut(QKeySequence(QKeySequence.StandardKey.Find), self)
        find.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        find.activated.connect(search.setFocus)
        return search

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Qt's name. The texts are read when somebody wants them."""
        super().showEvent(event)
        if self._topics:
            # The class may have said meanwhile how long its units are. Nobody loses the place.
            bar = self.text.verticalScrollBar()
            place = bar.value()
            self._show()
            bar.setValue(place)
        else:
            language = language_in_force()
            run_in_background(
                lambda: (load_topics(language), load_unit_sql()), self._take_texts, self._tell, owner=self
            )

    def _take_texts(self, texts: tuple[dict[str, str], dict[str, str]]) -> None:
        self._topics, self._sql = texts
        self._show()

    def _tell(self, error: GanDesktopError) -> None:
        self._say(error.message)

    # -- showing --------------------------------------------------------------------------------

    @property
    def topic(self) -> str:
        """The one that is shown."""
        return list(TITLES)[max(0, self.contents.currentRow())]

    def show_topic(self, key: str) -> None:
        """Turn to a topic."""
        self.contents.setCurrentRow(list(TITLES).index(key))

    def turn_to(self, part: str) -> None:
        """Show a part of the page: a topic."""
        if part in TITLES:
            self.show_topic(part)

    @Slot()
    def _show(self) -> None:
        self._say("")
        if self._topics:
            words = self._topics[self.topic]
            gaps = {"guide": self._guide_words, "unit": self._unit_words}.get(self.topic)
            self.text.setMarkdown(words.format(**gaps()) if gaps is not None else words)
            self._spread_lines()

    def _spread_lines(self) -> None:
        """Whole paragraphs are read more easily with some air between their lines."""
        airy = QTextBlockFormat()
        airy.setLineHeight(LINE_PERCENT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        # Nor does anybody like to push long SQL to and fro.
        airy.setNonBreakableLines(False)
        cursor = QTextCursor(self.text.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(airy)
        self.text.moveCursor(QTextCursor.MoveOperation.Start)

    @Slot(object)
    def _take_unit(self, delivered: UnitDelivered) -> None:
        self._delivered = delivered
        if self.topic == "unit" and self.isVisible():
            scrolled = self.text.verticalScrollBar().value()
            self._show()
            self.text.verticalScrollBar().setValue(scrolled)

    def _guide_words(self) -> dict[str, str]:
        training = self._session.snapshot.training
        config = training.run.config if training is not None else RunConfig()
        return {"unit_time": duration(config.unit_seconds)}

    def _unit_words(self) -> dict[str, str]:
        """What stands at the gaps of the topic: times of the newest unit, and the SQL."""
        delivered = self._delivered
        if delivered is None:
            words = self.tr("The times of your own unit stand here after the first one is handed in.")
            no_times = dict.fromkeys(("claim", "load", "compute", "upload"), "")
            return {**self._sql, **no_times, "heading": words}
        words = self.tr("Your last unit was number {unit}: {images} images, from iteration {iteration}.")
        times = delivered.times
        return {
            **self._sql,
            "heading": words.format(
                unit=delivered.unit.unit_id,
                images=number(delivered.result.num_images),
                iteration=number(delivered.unit.iteration),
            ),
            "claim": self._seconds(times.claim),
            "load": self._seconds(times.load),
            "compute": self._seconds(delivered.result.compute_seconds),
            "upload": self._seconds(times.upload),
        }

    def _seconds(self, seconds: float) -> str:
        if seconds < 0.1:
            return f"({self.tr('{number} ms').format(number=number(1_000 * seconds))})"
        return f"({self.tr('{number} s').format(number=number(seconds, 1))})"

    # -- searching ------------------------------------------------------------------------------

    def _find(self, *, is_next: bool) -> None:
        """Mark what is searched for: in this topic from its top or the next place, else in the others."""
        words = " ".join(self.search.text().split())
        self._say("")
        cursor = self.text.textCursor()
        if not is_next or not words:
            cursor.movePosition(QTextCursor.MoveOperation.Start)
            self.text.setTextCursor(cursor)
        if not words or self.text.find(words):
            return
        keys, at = list(TITLES), max(0, self.contents.currentRow())
        for key in keys[at + 1 :] + keys[: at + 1]:
            if words.casefold() not in " ".join(self._topics.get(key, "").split()).casefold():
                continue
            self.show_topic(key)
            self.text.moveCursor(QTextCursor.MoveOperation.Start)
            if self.text.find(words):
                return
        self._say(self.tr("The help does not contain this."))

    # -- links ----------------------------------------------------------------------------------

    @Slot(QUrl)
    def follow(self, link: QUrl) -> None:
        """Go where a link leads."""
        kind, where, part = link.scheme(), link.path(), link.fragment()
        match kind:
            case "page":
                self._session.show_page(where)
            case "topic":
                self.show_topic(where)
                self._go_to(part)
            case "dialog":
                show_what_leaves(self)
            case "code":
                self._open(f"gan_desktop/{where}", part)
            case "doc":
                self._open(f"docs/{where}", part)

    def _go_to(self, step: str) -> None:
        """Have the heading of a step, `3. ...`, on top."""
        block = self.text.document().begin()
        while step and block.isValid():
            if block.blockFormat().headingLevel() and block.text().startswith(f"{step}. "):
                top = self.text.document().documentLayout().blockBoundingRect(block).top()
                self.text.verticalScrollBar().setValue(round(top))
                return
            block = block.next()

    def _open(self, name: str, part: str) -> None:
        """Show a file of the source, at a function or heading."""

        def show(text: str | None) -> None:
            SourceDialog(name, text, part, self).open()

        run_in_background(lambda: read_source(name), show, self._tell, owner=self)

    def _say(self, words: str) -> None:
        self._note.setText(words)
