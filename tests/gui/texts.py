"""All texts of the window, collected from its code."""

from __future__ import annotations

import ast
from pathlib import Path

import gan_desktop.gui

FOLDER = Path(gan_desktop.gui.__file__).parent
# Calls that translate, and which of their arguments is the text.
_CALLS = {"tr": 0, "_tr": 0, "mark": 0, "translate": 1}


def texts_of_the_window() -> dict[str, str]:
    """Every text that is translated, with the place where it stands."""
    found = {}
    for file in sorted(FOLDER.glob("**/*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and (position := _CALLS.get(_name(node))) is not None:
                text = node.args[position] if len(node.args) > position else None
                if isinstance(text, ast.Constant) and isinstance(text.value, str):
                    found[text.value] = f"{file.name}:{node.lineno}"
    return found


def untranslatable() -> list[str]:
    """Places where a text is put together before it is translated: no catalogue can hold it."""
    return [
        f"{file.name}:{node.lineno}"
        for file in sorted(FOLDER.glob("**/*.py"))
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and _name(node) in _CALLS
        and any(isinstance(argument, ast.JoinedStr | ast.BinOp) for argument in node.args[:2])
    ]


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
