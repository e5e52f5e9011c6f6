"""What one sees while the last work of a closing window is on its way."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QLabel, QProgressBar, QVBoxLayout, QWidget

from gan_desktop.gui.theme import em, set_role


class WaitingDialog(QDialog):
    """A sentence and a bar without an end; there is nothing to click.

    Args:
        window: Whose end is waited for.
        sentence: What goes on.
    """

    def __init__(self, window: QWidget, title: str, sentence: str) -> None:
        # A dialog of a hidden window would be hidden too.
        super().__init__(window if window.isVisible() else None)
        self.setWindowTitle(title)
        words = QLabel(sentence, self)
        bar = QProgressBar(self, maximum=0, textVisible=False)
        bar.setAccessibleName(sentence)
        set_role(bar, "thin")
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self, 1.5), em(self, 1.2), em(self, 1.5), em(self, 1.2))
        column.setSpacing(em(self, 0.8))
        column.addWidget(words)
        column.addWidget(bar)
        self.setMinimumWidth(em(self, 20))
