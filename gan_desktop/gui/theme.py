"""How the window looks: two sets of colours, light and dark, and the few rules that go beyond Qt's style.

Qt's own Fusion style everywhere: what was looked at on one system is what people get on every other.
Widgets take part by their property `role` (see `set_role`); no other file holds a colour.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from gan_desktop.gui.preferences import Theme


@dataclass(frozen=True)
class Colours:
    """One set, as #rrggbb. `series` are for curves, told apart also by people who see few colours."""

    window: str
    card: str
    raised: str
    text: str
    muted: str
    line: str
    frame: str
    accent: str
    on_accent: str
    accent_soft: str
    good: str
    warning: str
    warning_soft: str
    bad: str
    bad_soft: str
    series: tuple[str, ...]


LIGHT = Colours(
    window="#f3f4f7",
    card="#ffffff",
    raised="#ffffff",
    text="#1b2130",
    muted="#5d6678",
    line="#dfe3ea",
    frame="#b4bac6",
    accent="#4650c8",
    on_accent="#ffffff",
    accent_soft="#e8eafa",
    good="#1d7f53",
    warning="#8a5a00",
    warning_soft="#fdf3dc",
    bad="#b3261e",
    bad_soft="#fbe9e7",
    series=("#4650c8", "#d9720a", "#1d8f6a", "#a3348f", "#5d6678"),
)
DARK = Colours(
    window="#15171c",
    card="#1e2128",
    raised="#2a2e37",
    text="#e8eaf0",
    muted="#a2a9b8",
    line="#343944",
    frame="#545b69",
    accent="#98a2ff",
    on_accent="#14172b",
    accent_soft="#2b3054",
    good="#6cd3a4",
    warning="#f0c164",
    warning_soft="#3a3019",
    bad="#ff9a90",
    bad_soft="#43231f",
    series=("#98a2ff", "#ffab5c", "#5fd0a6", "#e38ad2", "#a2a9b8"),
)


# All of a scroll bar's width takes the mouse, also where only its thin handle is painted.
SCROLL_BAR_PX = 12
SHORTEST_HANDLE_PX = 36
_CHOSEN = "chosen_theme"
_SCHEMES = {"light": Qt.ColorScheme.Light, "dark": Qt.ColorScheme.Dark}


def colours() -> Colours:
    """The set in force."""
    return DARK if _scheme() is Qt.ColorScheme.Dark else LIGHT


def follow_theme(application: QApplication) -> None:
    """Dress the program, now and whenever the system changes between light and dark."""
    application.setStyle("Fusion")
    application.styleHints().colorSchemeChanged.connect(lambda _scheme: _dress(application))
    _dress(application)


def choose_theme(theme: Theme) -> None:
    """Follow the system, or be light or dark whatever it is."""
    before, hints = _scheme(), QGuiApplication.styleHints()
    application = QGuiApplication.instance()
    assert application is not None
    # Kept by ourselves, because not every system lets a program choose.
    application.setProperty(_CHOSEN, None if theme == "system" else theme)
    if theme == "system":
        hints.unsetColorScheme()
    else:
        # Also the frame around the window, where the system draws it.
        hints.setColorScheme(_SCHEMES[theme])
    if _scheme() is not before:
        hints.colorSchemeChanged.emit(_scheme())


def _scheme() -> Qt.ColorScheme:
    application = QGuiApplication.instance()
    chosen = application.property(_CHOSEN) if application is not None else None
    return _SCHEMES.get(str(chosen), QGuiApplication.styleHints().colorScheme())


def set_role(widget: QWidget, role: str) -> None:
    """Give a widget one of the looks in the style sheet below: `card`, `muted`, `primary`, `plain` ..."""
    widget.setProperty("role", role)
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def scale_font(widget: QWidget, factor: float, *, bold: bool = False) -> None:
    """Larger or smaller words than the system's, in proportion."""
    font = widget.font()
    font.setPointSizeF(QApplication.font().pointSizeF() * factor)
    if bold:
        font.setWeight(QFont.Weight.DemiBold)
    widget.setFont(font)


def use_tabular_digits(widget: QWidget) -> None:
    """Digits of one width: numbers that change do not dance."""
    font = widget.font()
    font.setFeature(QFont.Tag("tnum"), 1)
    widget.setFont(font)


def em(widget: QWidget, number: float = 1.0) -> int:
    """A length in line heights of the widget's font, in pixels: grows with the font and the scaling."""
    return round(widget.fontMetrics().height() * number)


def _dress(application: QApplication) -> None:
    chosen = colours()
    application.setPalette(_palette(chosen))
    application.setStyleSheet(_style_sheet(chosen))


def _palette(chosen: Colours) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for name, colour in (
        (role.Window, chosen.window),
        (role.WindowText, chosen.text),
        (role.Base, chosen.card),
        (role.AlternateBase, chosen.window),
        (role.Text, chosen.text),
        (role.Button, chosen.raised),
        (role.ButtonText, chosen.text),
        (role.ToolTipBase, chosen.raised),
        (role.ToolTipText, chosen.text),
        (role.PlaceholderText, chosen.muted),
        (role.Highlight, chosen.accent),
        (role.HighlightedText, chosen.on_accent),
        (role.Accent, chosen.accent),
        (role.Link, chosen.accent),
        (role.LinkVisited, chosen.accent),
        (role.Mid, chosen.line),
    ):
        palette.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, name, QColor(chosen.muted))
    return palette


def _tick(chosen: Colours) -> str:
    """The file of a tick that can be seen on the accent colour."""
    name = "tick-dark.svg" if chosen is DARK else "tick-light.svg"
    return (Path(__file__).parent / "resources" / name).as_posix()


def _style_sheet(chosen: Colours) -> str:
    return f"""
    QToolTip {{ color: {chosen.text}; background: {chosen.raised}; border: 1px solid {chosen.line};
                padding: 4px; }}
    QFrame[role="card"] {{ background: {chosen.card}; border: 1px solid {chosen.line}; border-radius: 10px; }}
    QFrame[role="bar"] {{ background: {chosen.card}; border: none; border-bottom: 1px solid {chosen.line}; }}
    QFrame[role="note"] {{ background: {chosen.window}; border: none; border-radius: 7px; }}
    QFrame[role="line"] {{ background: {chosen.line}; border: none; max-height: 1px; }}
    QFrame[role="error"] {{ background: {chosen.bad_soft}; border: none;
                            border-bottom: 1px solid {chosen.line}; }}
    QFrame[role="message"] {{ background: {chosen.accent_soft}; border: none;
                              border-bottom: 1px solid {chosen.line}; }}
    QFrame[role="warning"] {{ background: {chosen.warning_soft}; border: none;
                              border-bottom: 1px solid {chosen.line}; }}
    QLabel[role="muted"] {{ color: {chosen.muted}; }}
    QLabel[role="good"] {{ color: {chosen.good}; }}
    QLabel[role="bad"] {{ color: {chosen.bad}; }}

    QPushButton, QToolButton[role="main"], QToolButton[role="plain"] {{
        background: {chosen.raised}; color: {chosen.text}; border: 1px solid {chosen.line};
        border-radius: 7px; padding: 6px 14px; }}
    QPushButton:hover, QToolButton[role="main"]:hover, QToolButton[role="plain"]:hover {{
        border-color: {chosen.accent}; }}
    QPushButton:pressed, QToolButton[role="main"]:pressed {{ background: {chosen.accent_soft}; }}
    QPushButton:disabled, QToolButton[role="main"]:disabled, QToolButton[role="plain"]:disabled {{
        color: {chosen.muted}; background: {chosen.window}; border-color: {chosen.line}; }}
    QPushButton:focus, QToolButton:focus {{ border: 2px solid {chosen.accent}; padding: 5px 13px; }}
    QPushButton:default, QPushButton[role="primary"] {{
        background: {chosen.accent}; color: {chosen.on_accent}; border-color: {chosen.accent}; }}
    QPushButton:default:disabled, QPushButton[role="primary"]:disabled {{
        background: {chosen.line}; color: {chosen.muted}; border-color: {chosen.line}; }}
    QPushButton:default:focus, QPushButton[role="primary"]:focus {{ border: 2px solid {chosen.text}; }}
    QPushButton[role="link"], QToolButton[role="link"] {{
        background: transparent; border: 1px solid transparent; color: {chosen.accent};
        padding: 2px 4px; text-decoration: underline; }}
    QPushButton[role="link"]:focus, QToolButton[role="link"]:focus {{ border: 1px solid {chosen.accent}; }}
    QPushButton[role="second"]:default {{
        background: {chosen.raised}; color: {chosen.text}; border-color: {chosen.line}; }}
    QPushButton[role="second"]:default:focus {{ border: 2px solid {chosen.accent}; padding: 5px 13px; }}
    QPushButton[role="second"]:default:disabled {{ color: {chosen.muted}; background: {chosen.window}; }}
    QPushButton[role="choice"] {{ background: {chosen.card}; border-radius: 10px; text-align: left;
                                  padding: 0 18px; }}
    QPushButton[role="choice"]:focus {{ border: 2px solid {chosen.accent}; padding: 0 17px; }}
    QFrame[role="drop"] {{ background: {chosen.card}; border: 2px dashed {chosen.line};
                           border-radius: 10px; }}
    QFrame[role="drop-over"] {{ background: {chosen.accent_soft}; border: 2px dashed {chosen.accent};
                                border-radius: 10px; }}
    QToolButton[role="class"] {{
        background: transparent; border: 1px solid transparent; border-radius: 7px; padding: 7px 8px;
        text-align: left; font-weight: 600; }}
    QToolButton[role="class"]:hover {{ border-color: {chosen.line}; }}
    QToolButton[role="class"]:focus {{ border: 1px solid {chosen.accent}; padding: 7px 8px; }}
    QToolButton[role="class"]::menu-indicator {{ subcontrol-position: right center; right: 6px; }}
    QToolButton[role="main"] {{ padding: 8px 30px 8px 14px; }}
    QToolButton[role="main"]:focus {{ padding: 7px 29px 7px 13px; }}
    QToolButton[role="main"]::menu-button {{
        border: none; border-left: 1px solid {chosen.line}; width: 22px; margin: 6px 0; }}

    QRadioButton::indicator, QCheckBox::indicator {{
        width: 14px; height: 14px; border: 1px solid {chosen.muted}; background: {chosen.card}; }}
    QRadioButton::indicator {{ border-radius: 8px; }}
    QCheckBox::indicator {{ border-radius: 4px; }}
    QRadioButton::indicator:hover, QCheckBox::indicator:hover {{ border-color: {chosen.accent}; }}
    QRadioButton::indicator:focus, QCheckBox::indicator:focus {{
        border: 2px solid {chosen.accent}; width: 12px; height: 12px; }}
    QRadioButton::indicator:checked {{
        border: 5px solid {chosen.accent}; width: 6px; height: 6px; background: {chosen.card}; }}
    QCheckBox::indicator:checked {{
        background: {chosen.accent}; border-color: {chosen.accent}; image: url({_tick(chosen)}); }}
    QRadioButton:focus, QCheckBox:focus {{ color: {chosen.accent}; }}
    QRadioButton:disabled, QCheckBox:disabled {{ color: {chosen.muted}; }}

    QLineEdit {{ background: {chosen.card}; border: 1px solid {chosen.frame}; border-radius: 4px;
                 padding: 2px 4px; }}
    QLineEdit:focus {{ border-color: {chosen.accent}; }}
    QLineEdit:disabled {{ color: {chosen.muted}; background: {chosen.window}; }}
    QLineEdit[role="fixed"] {{ background: transparent; border: none; padding: 0; }}
    QAbstractSpinBox QLineEdit, QComboBox QLineEdit {{ border: none; padding: 0; }}

    QListWidget[role="sidebar"] {{
        background: {chosen.window}; border: none; border-right: 1px solid {chosen.line}; outline: 0;
        padding: 8px 6px; }}
    QListWidget[role="sidebar"]::item {{
        border-radius: 7px; padding: 7px 8px; margin: 1px 2px; color: {chosen.text}; }}
    QListWidget[role="sidebar"]::item:hover {{ background: {chosen.line}; }}
    QListWidget[role="sidebar"]::item:selected {{ background: {chosen.accent_soft}; color: {chosen.text}; }}
    QListWidget[role="sidebar"]::item:selected:focus {{
        border: 1px solid {chosen.accent}; padding: 6px 7px; }}

    QTableView {{ background: {chosen.card}; border: none; outline: 0;
                 selection-background-color: {chosen.accent}; selection-color: {chosen.on_accent}; }}
    QHeaderView {{ background: {chosen.card}; border: none; }}
    QHeaderView::section {{
        background: {chosen.card}; color: {chosen.muted}; border: none;
        border-bottom: 1px solid {chosen.line}; padding: 5px 21px 5px 13px; }}
    QHeaderView::section:hover {{ color: {chosen.accent}; }}
    QTableView::item {{ padding: 0 18px 0 10px; }}
    QTableView[role="dense"]::item {{ padding: 0 8px 0 5px; }}
    QTableView[role="dense"] QHeaderView::section {{ padding: 5px 16px 5px 8px; }}

    QProgressBar[role="thin"] {{
        background: {chosen.line}; border: none; border-radius: 3px; max-height: 6px; }}
    QProgressBar[role="thin"]::chunk {{ background: {chosen.accent}; border-radius: 3px; }}

    QStatusBar {{ background: {chosen.window}; border-top: 1px solid {chosen.line}; }}
    QStatusBar::item {{ border: none; }}
    QStatusBar QLabel {{ color: {chosen.muted}; padding: 2px 6px; }}

    QScrollBar {{ background: transparent; border: none; margin: 0; }}
    QScrollBar:vertical {{ width: {SCROLL_BAR_PX}px; }}
    QScrollBar:horizontal {{ height: {SCROLL_BAR_PX}px; }}
    QScrollBar::handle {{ background: {chosen.frame}; border-radius: 3px; margin: 3px; }}
    QScrollBar::handle:vertical {{ min-height: {SHORTEST_HANDLE_PX}px; }}
    QScrollBar::handle:horizontal {{ min-width: {SHORTEST_HANDLE_PX}px; }}
    QScrollBar::handle:hover, QScrollBar::handle:pressed {{ background: {chosen.muted}; margin: 1px; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
    QAbstractScrollArea::corner {{ background: transparent; border: none; }}

    QPushButton[role="segment"] {{ border-radius: 0; padding: 6px 12px; }}
    QPushButton[role="segment"]:checked {{
        background: {chosen.accent}; color: {chosen.on_accent}; border-color: {chosen.accent}; }}
    """
