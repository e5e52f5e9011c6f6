"""Set this folder up and start the program, the demo or the tests, on a computer that has nothing but Python.

    python3 installer/bootstrap.py demo [options of gan-desktop --demo]
    python3 installer/bootstrap.py run [options of gan-desktop]
    python3 installer/bootstrap.py test [options of pytest]

Standard library only: it runs before anything is installed. All goes into the folder `.venv`
beside the project; deleting that folder undoes it.
"""

import argparse
import ctypes
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

# Comes before everything that older versions cannot read, so that they reach this sentence.
if sys.version_info < (3, 11):  # noqa: UP036
    sys.exit(
        "GAN Desktop needs Python 3.11 or newer; this is {}.{} ({}).\n"
        "Install a newer one (https://www.python.org/downloads/) and start this command with it, "
        "for example: python3.12 installer/bootstrap.py demo".format(*sys.version_info[:2], sys.executable)
    )

ROOT = Path(__file__).resolve().parent.parent

# What each command needs of pyproject.toml's optional dependencies.
EXTRAS = {"demo": frozenset({"gui"}), "run": frozenset({"gui"}), "test": frozenset({"gui", "test"})}

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PROBE_SECONDS = 5.0
CPU_GIB, CUDA_GIB = 1.0, 7.0


class SetupError(Exception):
    """The setup cannot go on; the text says why and what to do."""


class PipKilled(Exception):
    """Something ended pip in the middle of its work, mostly a computer short of memory."""


def say(text: str) -> None:
    """Print at once, so that our lines and those of the programs we start keep their order."""
    print(text, flush=True)  # noqa: T201


def main(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    # Asking for help must not install gigabytes first.
    wants_help = bool({"-h", "--help"} & set(arguments))
    command = read_command(["--help"] if wants_help else arguments[:1])
    options = arguments[1:]
    try:
        python = prepare(ROOT, EXTRAS[command])
        if command == "test":
            return run_checks(python, options)
        return start_demo(python, options) if command == "demo" else start_program(python, options)
    except (SetupError, PipKilled) as error:
        say(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        say("\nInterrupted. The same command begins again where that is safe.")
        return 130


def read_command(arguments: list[str]) -> str:
    """Return `demo`, `run` or `test`; ends the program with the usage for anything else."""
    parser = argparse.ArgumentParser(
        prog="bootstrap.py",
        usage="python3 installer/bootstrap.py {demo,run,test} [options]",
        description="Sets this folder up (in .venv), then starts the demo, the program or the tests.",
        epilog="Further options go to `gan-desktop --demo`, to `gan-desktop` or to pytest.",
    )
    parser.add_argument(
        "command",
        choices=tuple(EXTRAS),
        help="demo: a whole class on this computer; run: the program itself; "
        "test: all checks a change must pass",
    )
    return str(parser.parse_args(arguments).command)


# ---------------------------------------------------------------------------------------------
# The virtual environment
# ---------------------------------------------------------------------------------------------


def prepare(root: Path, extras: frozenset[str]) -> Path:
    """Make `.venv` complete for `extras` and return its Python; takes no time when it is.

    Raises:
        SetupError: Something is missing that we may not or cannot get.
    """
    venv = root / ".venv"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = Stamp(venv)
    wanted = fingerprint(root)
    if python.exists() and stamp.covers(wanted, extras):
        mend_home(venv)
        return python
    # Tests draw their windows into memory; a demo without a screen opens none.
    has_window = "gui" in extras and ("test" in extras or has_display())
    supply_system_needs(SYSTEM_NEEDS + (WINDOW_NEEDS if has_window else ()), find_apt_get())
    make_venv(venv, python, anew=stamp.is_unfinished)
    mend_home(venv)
    stamp.begin()
    try:
        install(root, python, extras)
    except SetupError:
        # pip has put back what it touched (killed, it could not): the next start may build on that.
        stamp.forget()
        raise
    stamp.finish(wanted, extras)
    return python


def fingerprint(root: Path) -> str:
    """Change whenever the installed packages may no longer be the ones this project asks for."""
    needs = (root / "pyproject.toml").read_bytes()
    place = f"{root} {sys.version_info[:2]}".encode()
    return hashlib.sha256(needs + place).hexdigest()


class Stamp:
    """The file in `.venv` that tells a complete installation from an interrupted one.

    Three states: finished (with fingerprint and extras), begun, and no file at all: an
    environment somebody else made, or one that pip left in order.
    """

    def __init__(self, venv: Path) -> None:
        self.path = venv / "gan-desktop-setup.json"
        self.content: dict[str, Any] | None
        try:
            self.content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            self.content = None
        except ValueError:  # power was cut while it was written
            self.content = {}

    @property
    def is_unfinished(self) -> bool:
        """Whether an installation was cut off: its files cannot be trusted."""
        return self.content == {}

    def covers(self, wanted: str, extras: frozenset[str]) -> bool:
        """Whether a finished installation holds all that is asked for."""
        if not self.content:
            return False
        return self.content["fingerprint"] == wanted and extras.issubset(self.content["extras"])

    def begin(self) -> None:
        """Say on disk that from now on the environment is in pieces."""
        self.path.write_text("{}", encoding="utf-8")

    def forget(self) -> None:
        """Make no statement."""
        self.path.unlink(missing_ok=True)

    def finish(self, wanted: str, extras: frozenset[str]) -> None:
        """Say that everything is there. Extras installed earlier for the same needs still are."""
        earlier = self.content["extras"] if self.content and self.covers(wanted, frozenset()) else []
        content = {"fingerprint": wanted, "extras": sorted(extras.union(earlier))}
        self.path.write_text(json.dumps(content), encoding="utf-8")


def make_venv(venv: Path, python: Path, *, anew: bool) -> None:
    """Create the virtual environment, or keep one that runs this version of Python with pip."""
    version = f"{sys.version_info[:2]}"
    question = "import sys, pip; print(sys.version_info[:2])"
    if not anew and python.exists():
        answer = subprocess.run([python, "-c", question], capture_output=True, text=True)
        if answer.stdout.strip() == version:
            return
    say(f"Making a Python environment in {venv}")
    if subprocess.run([sys.executable, "-m", "venv", "--clear", venv]).returncode != 0:
        raise SetupError(
            f"{sys.executable} could not make {venv}; its own words are above. Check that you may "
            "write into this folder, or use the Python from https://www.python.org/downloads/"
        )


def mend_home(venv: Path) -> None:
    """Give the programs we start a home folder when a container or CI gives none."""
    if os.name == "nt":
        return
    if not os.environ.get("HOME"):
        os.environ.pop("HOME", None)  # an empty one would send caches to the root folder
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (Path.home() raises without one)
    if not (home.is_absolute() and os.access(home, os.W_OK)):
        home = venv / "home"
        home.mkdir(exist_ok=True)
    os.environ["HOME"] = str(home)


# ---------------------------------------------------------------------------------------------
# What the operating system has to bring
# ---------------------------------------------------------------------------------------------


class SystemNeed(NamedTuple):
    """Something pip cannot install."""

    what: str
    is_missing: Callable[[], bool]
    debian_package: str


SYSTEM_NEEDS = (
    SystemNeed(
        "Python's own installer (ensurepip)",
        lambda: find_spec("ensurepip") is None,
        f"python{sys.version_info[0]}.{sys.version_info[1]}-venv",
    ),
)


def lacks_library(name: str) -> bool:
    """Whether Linux cannot load a library; other systems bring what Qt needs."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        ctypes.CDLL(name)
    except OSError:
        return True
    return False


# What Qt's own packages do not bring, as measured on a bare Debian 12.
WINDOW_NEEDS = tuple(
    SystemNeed(f"{library} (for the window)", partial(lacks_library, library), package)
    for library, package in (
        ("libEGL.so.1", "libegl1"),
        ("libGL.so.1", "libgl1"),
        ("libglib-2.0.so.0", "libglib2.0-0"),
        ("libdbus-1.so.3", "libdbus-1-3"),
        ("libfontconfig.so.1", "libfontconfig1"),
        ("libfreetype.so.6", "libfreetype6"),
        ("libxkbcommon.so.0", "libxkbcommon0"),
        ("libX11.so.6", "libx11-6"),
    )
)


def find_apt_get() -> str | None:
    """Return apt-get where we may use it without asking for a password."""
    return shutil.which("apt-get") if os.name != "nt" and os.geteuid() == 0 else None


def supply_system_needs(needs: tuple[SystemNeed, ...], apt_get: str | None) -> None:
    """Install what is missing when we may, else tell the one command to type."""
    missing = [need for need in needs if need.is_missing()]
    if missing and apt_get:
        packages = [need.debian_package for need in missing]
        say(f"Installing {', '.join(packages)}")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run([apt_get, "update", "-qq"], env=quiet)
        subprocess.run([apt_get, "install", "-qq", "-y", "--no-install-recommends", *packages], env=quiet)
        missing = [need for need in missing if need.is_missing()]
    if missing:
        packages = [need.debian_package for need in missing]
        raise SetupError(
            f"This computer lacks {' and '.join(need.what for need in missing)}. On Debian and Ubuntu type:\n"
            f"    sudo apt-get install {' '.join(packages)}\n"
            "(other systems: the package of the same purpose), then start this command again."
        )


def has_nvidia_gpu() -> bool:
    """Whether Linux knows an NVIDIA graphics card or at least its driver's tools."""
    signs = (Path("/proc/driver/nvidia"), Path("/dev/nvidia0"))
    return shutil.which("nvidia-smi") is not None or any(sign.exists() for sign in signs)


def has_display() -> bool:
    """Whether a window can be opened."""
    if not sys.platform.startswith("linux"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


# ---------------------------------------------------------------------------------------------
# Packages
# ---------------------------------------------------------------------------------------------


def install(root: Path, python: Path, extras: frozenset[str]) -> None:
    """Install the project, editable, with its dependencies."""
    if not has_pytorch(python):
        install_pytorch(root, python)
    started = time.monotonic()
    project = f"{root}[{','.join(sorted(extras))}]" if extras else str(root)
    run_pip(python, ["--editable", project])
    say(f"Installed in {time.monotonic() - started:.0f} s.")


def has_pytorch(python: Path) -> bool:
    """Whether the environment already has it, of whichever build."""
    question = "from importlib.metadata import version; version('torch')"
    return subprocess.run([python, "-c", question], capture_output=True).returncode == 0


def install_pytorch(root: Path, python: Path) -> None:
    """On Linux without an NVIDIA card take PyTorch's builds for the processor, where they can be had.

    The ordinary index has CUDA in its Linux packages; elsewhere its packages are small, and they
    come with the rest of the dependencies.
    """
    is_linux = sys.platform.startswith("linux")
    if not is_linux or has_nvidia_gpu():
        require_disk_space(root, CUDA_GIB if is_linux else CPU_GIB)
        return
    if is_reachable(f"{CPU_INDEX}/torch/", PROBE_SECONDS):
        require_disk_space(root, CPU_GIB)
        try:
            run_pip(python, ["--index-url", CPU_INDEX, *pytorch_requirements(root)])
            return
        except SetupError:
            reason = "could not be installed"
    else:
        reason = f"cannot be reached ({CPU_INDEX})"
    say(
        f"PyTorch's packages for computers without an NVIDIA card {reason}.\n"
        "Taking those of the ordinary index instead: 5.5 GB on disk instead of 200 MB to fetch."
    )
    require_disk_space(root, CUDA_GIB)


def pytorch_requirements(root: Path) -> list[str]:
    """Return the version range of torch as pyproject.toml states it."""
    import tomllib  # not at the top: older versions lack it, and they must reach the sentence above

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return [need for need in project["dependencies"] if re.match(r"torch\b(?!-)", need)]


def is_reachable(url: str, seconds: float) -> bool:
    """Whether a web server answers well within `seconds`, name look-up included."""
    answered = threading.Event()

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")
        try:
            urllib.request.urlopen(request, timeout=seconds).close()
        except OSError:  # URLError, HTTPError and time-outs are all OSErrors
            return
        answered.set()

    # A thread, because no time-out holds for looking up a name.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    return answered.is_set()


def require_disk_space(folder: Path, gib: float) -> None:
    """Refuse before the download what would fail in the middle of it."""
    free = shutil.disk_usage(folder).free / 2**30
    if free < gib:
        raise SetupError(
            f"The installation needs about {gib:.0f} GB on the disk of {folder}; {free:.1f} GB are free. "
            "Make room there, or move the project to a larger disk, and start this command again."
        )


def run_pip(python: Path, arguments: list[str]) -> None:
    """Run `pip install`, showing its words; the person's pip settings stay in force."""
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", *arguments]
    words = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as pip:
        assert pip.stderr is not None
        for line in pip.stderr:
            sys.stderr.write(line)
            words.append(line)
    if pip.returncode < 0:
        raise PipKilled(
            f"pip was ended by signal {-pip.returncode}. If memory is short, close other programs; "
            "then start this command again: it begins anew."
        )
    if pip.returncode != 0:
        raise SetupError(explain_pip("".join(words)))


PIP_TROUBLES = (
    (
        r"No space left|Errno 28|not enough space",
        "The disk is full. Make room where the project lies and in {temporary} (or set TMPDIR to a folder "
        "with room)",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "The package index's certificate is not accepted. A school or company network may be looking "
        "into connections: ask its people for their certificate file and set PIP_CERT to it",
    ),
    (r"ProxyError|407 Proxy", "The proxy refuses the connection. Set HTTPS_PROXY as your network asks"),
    (
        r"NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|Connection refused"
        r"|Failed to establish a new connection|Connection reset",
        "The package index cannot be reached. Check the internet connection",
    ),
    (
        r"No matching distribution found for torch",
        "PyTorch has no package for Python {version} on this kind of computer. "
        "Use a 64-bit Python of a version that it supports (https://pytorch.org)",
    ),
    (
        r"No matching distribution",
        "The package index does not offer a package that is needed (named above). "
        "Check the internet connection and, where you have set it, PIP_INDEX_URL",
    ),
)


def explain_pip(words: str) -> str:
    """Turn what pip wrote into one sentence that says what to do."""
    unknown = "pip could not install everything; its own words are above. Mend what they name"
    sentence = next((said for pattern, said in PIP_TROUBLES if re.search(pattern, words)), unknown)
    version = "{}.{}".format(*sys.version_info[:2])
    sentence = sentence.format(version=version, temporary=tempfile.gettempdir())
    return f"{sentence}, then start this command again."


# ---------------------------------------------------------------------------------------------
# The commands
# ---------------------------------------------------------------------------------------------


def start_demo(python: Path, options: list[str]) -> int:
    """Start a class on this computer, in a window where there can be one."""
    has_window = "gui" in EXTRAS["demo"] and has_display()
    console = [] if has_window or "--no-gui" in options else ["--no-gui"]
    return start_program(python, ["--demo", *console, *options])


def start_program(python: Path, options: list[str]) -> int:
    """Start the program in place of this one."""
    # -P: files in the folder one happens to be in must not be taken for modules.
    command = [str(python), "-P", "-m", "gan_desktop", *options]
    if os.name != "nt":
        os.execv(command[0], command)  # in our place: Ctrl+C and SIGTERM reach the program itself
    return run_to_end(command)


def run_checks(python: Path, pytest_options: list[str]) -> int:
    """Run what a change must pass, one after the other, up to the first failure."""
    lint_imports = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    checks = (
        ("ruff format", ["-m", "ruff", "format", "--check", "."]),
        ("ruff check", ["-m", "ruff", "check", "."]),
        ("mypy", ["-m", "mypy"]),
        ("lint-imports", ["-c", lint_imports]),
        # Both cores at once; the tests of one file stay together, with the server they share.
        ("pytest", ["-m", "pytest", "--numprocesses=auto", "--dist=loadfile", *pytest_options]),
    )
    started = time.monotonic()
    for name, arguments in checks:
        say(f"\n== {name}")
        check_started = time.monotonic()
        code = run_to_end([str(python), *arguments], cwd=ROOT)
        say(f"== {name}: {'passed' if code == 0 else 'FAILED'} in {time.monotonic() - check_started:.1f} s")
        if code != 0:
            return code
    say(f"\nAll checks passed in {time.monotonic() - started:.0f} s.")
    return 0


def run_to_end(command: list[str], cwd: Path | None = None) -> int:
    """Run a program to its end; Ctrl+C is its own to answer, and we wait for what it does."""
    process = subprocess.Popen(command, cwd=cwd)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
