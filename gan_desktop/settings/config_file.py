"""Reading config.yaml as text: what stands there, or a sentence with the line that is wrong."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import platformdirs
import yaml

from gan_desktop.errors import SettingsError


def find_config_file() -> Path | None:
    """Return config.yaml of this folder, else of the user's config folder, else None."""
    folders = (Path(), platformdirs.user_config_path("gan-desktop", appauthor=False))
    return next((folder / "config.yaml" for folder in folders if (folder / "config.yaml").exists()), None)


class _PlainLoader(yaml.BaseLoader):
    """YAML in which every value is the text as it stands there; only an empty one is no value.

    YAML's own types would turn the password 0123 into 83 and the name No into False. The fields of
    `Settings` know what they want.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build one mapping; leaves out keys without a value, refuses a key that comes twice."""
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            where = f"{self.name}, line {key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                raise SettingsError(f"{where}: a key must be plain text, as in `name: Alice`.")
            if key_node.value in mapping:
                raise SettingsError(f"{where}: {key_node.value} is there a second time. Join the two.")
            mapping[key_node.value] = self.construct_object(value_node, deep=True)
        return {key: value for key, value in mapping.items() if value is not None}


_PlainLoader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile("(?:~|null|)$"), ["~", "n", ""])
_PlainLoader.add_constructor("tag:yaml.org,2002:null", lambda loader, node: None)


def read_config_file(file: Path) -> dict[str, Any]:
    """Return the file's sections, every value as text; an empty file has none.

    Raises:
        SettingsError: The file is absent, unreadable, not UTF-8 or not YAML with sections.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError as error:
        raise SettingsError(
            f"{file} does not exist. Copy config.yaml.template there and fill it in."
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{file} is not UTF-8 text. Save it again with the encoding UTF-8.") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError(
            f"{file} cannot be read: {reason}. Check that it is a file you may read."
        ) from error
    try:
        loader = _PlainLoader(text)
        loader.name = str(file)
        content = loader.get_single_data()
    except (yaml.YAMLError, RecursionError) as error:
        # Without the cause: YAML quotes the lines around its error, and with them the password.
        raise SettingsError(f"{file}, {_explain_yaml(error, text)}") from None
    if content is not None and not isinstance(content, dict):
        raise SettingsError(f"{file} holds no sections. Write them as in config.yaml.template: `worker:` ...")
    return content or {}


def _explain_yaml(error: Exception, text: str) -> str:
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r" *\t+ *[^\s#]", line):
            return f"line {number} begins with a tab. Write two spaces instead of each tab."
    mark = getattr(error, "problem_mark", None)
    position = getattr(error, "position", 0)
    number = mark.line + 1 if mark else text.count("\n", 0, position) + 1
    return (
        f"line {number} (or the one before it) cannot be read. Keys of one section begin in the same column, "
        "a space follows each colon, and text with special characters stands in 'quotes'."
    )
