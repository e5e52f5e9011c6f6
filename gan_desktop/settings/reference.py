"""Writes docs/settings.md from the settings' own classes: `python -m gan_desktop.settings.reference`."""

from __future__ import annotations

import dataclasses
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from gan_desktop.records import RunConfig
from gan_desktop.settings.load import ENV_PREFIX, HISTORIC_KEYS
from gan_desktop.settings.sections import Settings

_HEAD = f"""# Settings

<!-- Written by `python -m gan_desktop.settings.reference`; change the classes, not this page. -->

A setting comes from the first of these places that has it:

1. the command line, where an option of that meaning exists (`--name`);
2. an environment variable: `{ENV_PREFIX}<SECTION>__<KEY>`, for example `{ENV_PREFIX}WORKER__NAME=Alice`;
3. `config.yaml` of the folder you are in (or the file after `--config`); if there is none, `config.yaml` in
   your user's configuration folder (Linux `~/.config/gan-desktop`, macOS
   `~/Library/Application Support/gan-desktop`, Windows `%LOCALAPPDATA%\\gan-desktop`);
4. the default below.

A wrong value stops the program at once: it names the file, the key, what stands there and what to write.
The password is looked for in these places, in this order: `--password-file FILE` (`-` reads standard
input), `PGPASSWORD`, PostgreSQL's own password file, `database.password`, and last where
`gan-desktop join` keeps it: this computer's password store, or a file that only you can read.
"""
_HISTORIC = """
Three keys have an older name too, which goes on working:

| older name | stands for |
|---|---|
"""


def reference() -> str:
    """The whole page, as Markdown."""
    parts = [_HEAD]
    for section, default in Settings():
        words = (default.__doc__ or "").strip()
        if section == "training":
            words = (
                "What one training is: read when a training is created, the same for everybody after that."
            )
            rows = list(_run_rows(default))
        else:
            rows = list(_section_rows(default))
        parts.append(
            f"\n## {section}\n\n{words}\n\n| key | default | write | what it is |\n|---|---|---|---|\n"
        )
        parts.extend(
            f"| `{key}` | {shown} | {advice} | {meaning} |\n" for key, shown, advice, meaning in rows
        )
    parts.append(_HISTORIC)
    parts.extend(
        f"| `training.{old}` | {', '.join(f'`{name}`' for name in names)} |\n"
        for old, names in HISTORIC_KEYS.items()
    )
    return "".join(parts)


def _section_rows(section: BaseModel) -> Iterator[tuple[str, str, str, str]]:
    for key, field in type(section).model_fields.items():
        yield key, _shown(field.default), field.description or "", field.title or ""


def _run_rows(config: RunConfig) -> Iterator[tuple[str, str, str, str]]:
    meanings = _attributes(RunConfig.__doc__ or "")
    for field in dataclasses.fields(config):
        advice = "; ".join(mend for name, _, mend in config.limits() if name == field.name)
        yield field.name, _shown(getattr(config, field.name)), advice, meanings[field.name]


def _attributes(docstring: str) -> dict[str, str]:
    """The `Attributes:` of a docstring by name; `a, b: words` describes both."""
    text = docstring.partition("Attributes:")[2]
    meanings = {}
    for names, words in re.findall(r"^ {8}([\w, ]+): (.*(?:\n {12}.*)*)", text, re.MULTILINE):
        for name in names.split(", "):
            meanings[name] = re.sub(r"\s+", " ", words).replace("|", "\\|")
    return meanings


def _shown(default: Any) -> str:
    if default is None or default == "" or isinstance(default, SecretStr):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default.as_posix() if isinstance(default, Path) else default}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
