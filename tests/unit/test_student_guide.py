"""What the documents point to is there: tests, files, headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "student-guide.md"
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def promises() -> list[tuple[str, str]]:
    """Each test that the guide's table names: its file's stem, and its function or nothing."""
    named = []
    for row in GUIDE.read_text("utf-8").partition("\n## ")[0].splitlines():
        if not row.startswith("|") or row.startswith("|-"):
            continue
        *_, shown_by = row.strip().strip("|").split("|")
        file = ""
        for code in re.findall(r"`([^`]+)`", shown_by):
            # A function without a file is of the file before it.
            first, _, function = code.partition(": ")
            is_function_alone = not function and file and not find(first)
            file, function = (file, first) if is_function_alone else (first, function)
            named.append((file, function))
    return named


def find(stem: str) -> list[Path]:
    return list((ROOT / "tests").rglob(f"{stem}.py"))


def anchors(document: Path) -> set[str]:
    """The names of a document's headings, as GitHub makes them."""
    text = re.sub(r"^```.*?^```", "", document.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def links(document: Path) -> list[str]:
    """What a document points to on this disk, pictures too."""
    text = document.read_text("utf-8")
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'(?:href|src)="([^"]+)"', text)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def test_every_promise_of_the_student_guide_names_a_test_that_exists() -> None:
    named = promises()
    assert len(named) > 30
    missing = []
    for file, function in named:
        text = "".join(path.read_text("utf-8") for path in find(file))
        if not text or (function and f"def {function}(" not in text):
            missing.append((file, function))
    assert missing == []


def test_tests_named_elsewhere_in_the_guide_exist() -> None:
    paths = re.findall(r"`(tests/[\w/]+\.py)`", GUIDE.read_text("utf-8"))
    assert len(paths) > 1
    assert [path for path in paths if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in links(document):
        place, _, anchor = link.partition("#")
        target = document.parent / place if place else document
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def test_the_documents_have_links_to_check() -> None:
    assert sum(len(links(document)) for document in DOCUMENTS) > 50
