"""As whom and where the embedded server runs when we are root.

PostgreSQL refuses to run as root, and root is usual in containers and on Colab: there the server runs as
an unprivileged account, which must be able to enter the data folder and to read the binaries.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_desktop.errors import EmbeddedServerError

SHARED_DIR = Path("/var/lib/gan-desktop")
_POINTER = "moved_to.txt"


@dataclass(frozen=True)
class Account:
    """A system account, to be given to `subprocess` as `user` and `group`."""

    uid: int
    gid: int

    def reaches(self, path: Path) -> bool:
        """Whether the account may enter this folder or run this program; the system itself is asked."""
        question = ["test", "-x", str(path)]
        return subprocess.run(question, user=self.uid, group=self.gid, extra_groups=[]).returncode == 0

    def take_over(self, tree: Path) -> None:
        """Make the account the owner of a folder and of all that is in it."""
        if sys.platform == "win32":
            return
        for path in (tree, *tree.rglob("*")):
            os.chown(path, self.uid, self.gid, follow_symlinks=False)


def account_for(pgdata: Path) -> Account | None:
    """The account that the server of this data folder must run as; None: the one we are.

    An existing folder's owner comes first, so that a class made without sudo still starts with it.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    import pwd  # not on Windows

    if pgdata.exists() and (owner := pgdata.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entries = {entry.pw_name: entry for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in entries:
            return Account(entries[name].pw_uid, entries[name].pw_gid)
    raise EmbeddedServerError(
        "PostgreSQL does not run as root, and this computer has no account named postgres or nobody."
        " Start the program as an ordinary user."
    )


def home_of(data_dir: Path) -> Path:
    """The folder that holds the server of `data_dir`: itself, or the one its pointer file names."""
    pointer = data_dir / _POINTER
    if not pointer.is_file():
        return data_dir
    home = Path(pointer.read_text("utf-8").strip())
    if not home.is_dir():
        raise EmbeddedServerError(
            f"The database lived in {home}, which is gone. Put it back from a copy, or delete {pointer}"
            " to begin with an empty one."
        )
    return home


def settle(data_dir: Path) -> Path:
    """Like `home_of`, but a new server whose account cannot enter `data_dir` gets a folder in SHARED_DIR.

    Its name is random: a pointer that was deleted together with `data_dir` must not bring an old class back.
    """
    home = home_of(data_dir)
    account = account_for(home / "pgdata")
    if home != data_dir or account is None or (home / "pgdata").exists() or account.reaches(data_dir):
        return home
    home = Path(tempfile.mkdtemp(prefix=f"{data_dir.name}-", dir=_shared_dir()))
    home.chmod(0o755)
    (data_dir / _POINTER).write_text(f"{home}\n", "utf-8")
    return home


def readable_binaries(bin_dir: Path, version: str, account: Account | None) -> Path:
    """`bin_dir`, or the like folder in a copy of its installation where the account can read it.

    The copy in SHARED_DIR is made once for each `version`.
    """
    if account is None or account.reaches(bin_dir / "postgres"):
        return bin_dir
    installation = bin_dir.parent
    package = installation.parent
    copy = _shared_dir() / f"postgresql-{version}-{hashlib.sha256(str(bin_dir).encode()).hexdigest()[:8]}"
    if not copy.exists():
        # Where wheels keep the libraries of their programs, on Linux and on macOS.
        libraries = [package.with_name(f"{package.name}.libs"), package / ".dylibs"]
        _copy_folders([installation, *filter(Path.is_dir, libraries)], package.parent, copy)
    return copy / bin_dir.relative_to(package.parent)


def _copy_folders(folders: Sequence[Path], root: Path, target: Path) -> None:
    """Copy beside the target and rename: two programs, or a kill in between, leave no half of a copy."""
    staging = Path(tempfile.mkdtemp(prefix="copy-", dir=target.parent))
    copy = staging / "copy"
    try:
        for folder in folders:
            shutil.copytree(folder, copy / folder.relative_to(root), ignore=shutil.ignore_patterns("include"))
        for path in (copy, *copy.rglob("*")):
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
        try:
            copy.rename(target)
        except OSError:  # another program was faster
            if not target.exists():
                raise
    finally:
        shutil.rmtree(staging)


def _shared_dir() -> Path:
    SHARED_DIR.mkdir(parents=True, exist_ok=True)
    SHARED_DIR.chmod(0o755)
    return SHARED_DIR
