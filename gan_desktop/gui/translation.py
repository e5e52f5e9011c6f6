"""The window in the person's language.

One catalogue per language, the files `resources/<language>/*.json`: the English text and what it becomes.
Widgets ask in Qt's usual way, `self.tr("Pause until {time}").format(time=...)`; a text with a number in it,
`self.tr("%n unit(s)", None, n)`, has a list of two forms (one, several).

The engine (worker, database) knows nothing of languages: it makes whole English sentences. `engine_text`
recognises them by the catalogue's templates, `Learning from unit {unit_id}: ...`, and puts what stood at the
gaps into the translation. So the same record serves the console, the log and every language, and also what
the class's server says. A text without a translation stays English.

`tests/gui/test_translation.py` collects all texts from the code and fails where one has no German.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from importlib import resources

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QObject, QTranslator

LANGUAGES = ("en", "de")

Catalogue = dict[str, str | list[str]]

_GAP = re.compile(r"\{(\w+)\}")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
# No gap reaches over it: sentences that stand one after the other are recognised one by one.
_NEXT_SENTENCE = r"(?<=[.!?]) (?=[A-Z\"])"
_DECIMAL = re.compile(r"\d+\.\d+")
# Templates of a word or two ("{used} of {total}") would fit into any sentence: their gaps are short, too.
_SHORT_TEMPLATE = 12
_SHORT_GAP = r"\S+?(?: \S+?){0,3}?"


def load_catalogue(language: str) -> Catalogue:
    """The texts of a language; English has only those that count something."""
    catalogue: Catalogue = {}
    for file in (resources.files("gan_desktop.gui") / "resources" / language).iterdir():
        if file.name.endswith(".json"):
            catalogue |= json.loads(file.read_text("utf-8"))
    return catalogue


def chosen_language(wanted: str) -> str:
    """The language to speak: the wanted one, else the system's, else English."""
    for language in (wanted, QLocale.system().name()[:2]):
        if language in LANGUAGES:
            return language
    return "en"


# Gaps that hold versions of the program.
_VERSIONS = {"version", "minimum"}


class Translator(QTranslator):
    """Answers Qt's questions from our catalogue."""

    def __init__(self, language: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.spoken = language
        self._texts = load_catalogue(language)
        templates = [
            (source, target)
            for source, target in self._texts.items()
            if isinstance(target, str) and _GAP.search(source)
        ]
        # The most fixed words first, so that a general template does not swallow a special one's sentence.
        templates.sort(key=lambda pair: -len(_GAP.sub("", pair[0])))
        self._templates = [(_pattern(source), target) for source, target in templates]
        self._cached = lru_cache(maxsize=512)(self._engine_text)

    def translate(
        self, context: str, text: str, disambiguation: str | None = None, n: int = -1
    ) -> str | None:
        """Qt's own name and arguments; None: no translation."""
        found = self._texts.get(text)
        if isinstance(found, list):
            return found[0 if n == 1 else 1]
        return found

    def isEmpty(self) -> bool:  # noqa: N802
        """Qt would pass over an empty translator."""
        return False

    def engine_text(self, text: str) -> str:
        """A sentence of the engine in this language, its numbers as people there write them."""
        return self._cached(text)

    def _engine_text(self, text: str) -> str:
        if self.spoken == "en":
            return text
        found = self._texts.get(text)
        if isinstance(found, str):
            return found
        for pattern, target in self._templates:
            if match := pattern.fullmatch(text):
                gaps = {
                    name: value if _stays(name, target) else self._engine_text(value)
                    for name, value in match.groupdict().items()
                }
                return target.format(**gaps)
        return self._several_sentences(text) or _local_number(text)

    def _several_sentences(self, text: str) -> str:
        """Some texts are put together from sentences: translate each."""
        parts = re.split(_NEXT_SENTENCE, text)
        if len(parts) < 2:
            return ""
        translated = [self._engine_text(part) for part in parts]
        return " ".join(translated)


def _stays(name: str, target: str) -> bool:
    """Whether a gap's content is left alone: a name in quotes, or a version, which is no number."""
    return name in _VERSIONS or any(
        f"{begin}{{{name}}}{end}" in target for begin, end in ('""', "\u201e\u201c")
    )


def install_translation(application: QCoreApplication, language: str) -> Translator:
    """Let the whole program speak a language; returns the translator in force."""
    for old in application.findChildren(QTranslator):
        application.removeTranslator(old)
        old.setParent(None)
        old.deleteLater()
    # How people of the system's own country write numbers, if it is the same language.
    system = QLocale.system()
    QLocale.setDefault(system if system.name()[:2] == language else QLocale(language))
    # Qt's own words (OK, Cancel, the menus of text fields).
    qt = QTranslator(application)
    if qt.load(f"qtbase_{language}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(qt)
    translator = Translator(language, application)
    application.installTranslator(translator)
    return translator


def language_in_force() -> str:
    """The language that the program speaks now."""
    application = QCoreApplication.instance()
    translator = application.findChild(Translator) if application is not None else None
    return translator.spoken if isinstance(translator, Translator) else "en"


def engine_text(text: str) -> str:
    """A sentence that the engine made (a state, an error, a notice), in the language of the window."""
    application = QCoreApplication.instance()
    translator = application.findChild(Translator) if application is not None else None
    return translator.engine_text(text) if isinstance(translator, Translator) else text


def _pattern(template: str) -> re.Pattern[str]:
    parts = _GAP.split(template)
    is_short = sum(character.isalpha() for character in "".join(parts[::2])) < _SHORT_TEMPLATE
    gap = _SHORT_GAP if is_short else rf"(?:(?!{_NEXT_SENTENCE}).)+?"
    regex = ""
    for index, part in enumerate(parts):
        # What somebody has written may be several sentences: its quotes hold it together.
        is_quoted = index % 2 and parts[index - 1].endswith('"') and parts[index + 1].startswith('"')
        wide = rf"(?:{gap}|[^\"]+?)" if is_quoted else gap
        regex += rf"(?P<{part}>{wide})" if index % 2 else re.escape(part)
    return re.compile(regex, re.DOTALL)


def _local_number(text: str) -> str:
    locale = QLocale()
    if _THOUSANDS.fullmatch(text):
        return locale.toString(int(text.replace(",", "")))
    if _DECIMAL.fullmatch(text):
        return locale.toString(float(text), "f", len(text.partition(".")[2]))
    return text


def mark(text: str) -> str:
    """Mark a text that is translated where it is shown, not where it stands."""
    return text
