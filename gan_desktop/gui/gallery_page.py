"""The page of the faces: the class's, iteration by iteration; one's own nine; new ones to make."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from gan_desktop.gui.class_faces_view import ClassFacesView
from gan_desktop.gui.make_faces_view import MakeFacesView
from gan_desktop.gui.my_faces import MyFaces
from gan_desktop.gui.my_faces_view import MyFacesView
from gan_desktop.gui.session import Session
from gan_desktop.gui.theme import em, set_role


class GalleryPage(QWidget):
    """Three views; the class's faces are shown first."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.mine = MyFaces(session, self)
        self.class_faces = ClassFacesView(session, self)
        self.my_faces = MyFacesView(session, self.mine, self)
        self.make_faces = MakeFacesView(session, self)
        self._stack = QStackedWidget(self)
        self._group = QButtonGroup(self)
        bar = QHBoxLayout()
        bar.setSpacing(0)
        for view, text in (
            (self.class_faces, self.tr("The class")),
            (self.my_faces, self.tr("My faces")),
            (self.make_faces, self.tr("Make faces")),
        ):
            button = QPushButton(text, self)
            button.setCheckable(True)
            set_role(button, "segment")
            self._group.addButton(button, self._stack.addWidget(view))
            bar.addWidget(button)
        bar.addStretch(1)
        self._group.idClicked.connect(self._stack.setCurrentIndex)
        column = QVBoxLayout(self)
        column.setContentsMargins(em(self), em(self), em(self), em(self))
        column.setSpacing(em(self, 0.7))
        column.addLayout(bar)
        column.addWidget(self._stack, 1)
        session.keepsake_wanted.connect(self._save_keepsake)
        self.show_view(self.class_faces)

    def show_view(self, view: QWidget) -> None:
        """Turn to one of `class_faces`, `my_faces`, `make_faces`."""
        self._stack.setCurrentWidget(view)
        self._group.button(self._stack.currentIndex()).setChecked(True)

    @Slot()
    def _save_keepsake(self) -> None:
        self.show_view(self.my_faces)
        self.my_faces.ask_to_save_keepsake()
