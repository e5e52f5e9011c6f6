"""The setup script: real processes and real folders, nothing downloaded."""

from __future__ import annotations

import ast
import importlib.util
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "installer" / "bootstrap.py"

specification = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
assert specification is not None
assert specification.loader is not None
bootstrap = importlib.util.module_from_spec(specification)
specification.loader.exec_module(bootstrap)

POSIX_ONLY = pytest.mark.skipif(os.name == "nt", reason="runs shell scripts")


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60)


@pytest.fixture
def closed_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose only need is torch, as far as the script reads it."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text(
        '[project]\nname = "small"\nversion = "1"\ndependencies = ["numpy", "torch>=2.4,<3", '
        '"torch-other", "torchaudio"]\n[tool.setuptools]\npackages = []\n',
        encoding="utf-8",
    )
    return root


# --- the command line ---


def test_help_names_all_commands_and_installs_nothing() -> None:
    for arguments in (["--help"], ["demo", "--help"], ["test", "-h"]):
        answer = run_script(*arguments)
        assert answer.returncode == 0
        assert "demo" in answer.stdout
        assert "run: the program itself" in " ".join(answer.stdout.split())
        assert "test" in answer.stdout
        assert "Install" not in answer.stdout


def test_wrong_command_is_refused_with_the_choices() -> None:
    for arguments in ([], ["tset"]):
        answer = run_script(*arguments)
        assert answer.returncode == 2
        assert "demo" in answer.stderr


def test_old_python_can_read_the_file_up_to_its_version_sentence() -> None:
    # 3.7 is the oldest grammar that ast offers; annotations after the check are never evaluated there.
    tree = ast.parse(SCRIPT.read_text(encoding="utf-8"), feature_version=(3, 7))
    check = next(node for node in tree.body if isinstance(node, ast.If))
    before = tree.body[: tree.body.index(check)]
    assert all(isinstance(node, ast.Import | ast.ImportFrom | ast.Expr) for node in before)
    assert not any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in before)


# --- the stamp ---


def test_finished_installation_is_believed_until_its_needs_change(project: Path) -> None:
    venv = project / ".venv"
    venv.mkdir()
    wanted = bootstrap.fingerprint(project)
    bootstrap.Stamp(venv).finish(wanted, frozenset({"test"}))
    stamp = bootstrap.Stamp(venv)
    assert stamp.covers(wanted, frozenset())
    assert stamp.covers(wanted, frozenset({"test"}))
    assert not stamp.covers(wanted, frozenset({"test", "gui"}))
    (project / "pyproject.toml").write_text("[project]\nname = 'changed'\n", encoding="utf-8")
    assert not stamp.covers(bootstrap.fingerprint(project), frozenset())


def test_extras_add_up_while_the_needs_stay_the_same(tmp_path: Path) -> None:
    bootstrap.Stamp(tmp_path).finish("same", frozenset({"test"}))
    bootstrap.Stamp(tmp_path).finish("same", frozenset({"gui"}))
    assert bootstrap.Stamp(tmp_path).covers("same", frozenset({"test", "gui"}))
    bootstrap.Stamp(tmp_path).finish("other", frozenset())
    assert not bootstrap.Stamp(tmp_path).covers("other", frozenset({"test"}))


def test_interrupted_installation_is_not_believed(tmp_path: Path) -> None:
    assert not bootstrap.Stamp(tmp_path).is_unfinished
    bootstrap.Stamp(tmp_path).finish("same", frozenset())
    bootstrap.Stamp(tmp_path).begin()
    stamp = bootstrap.Stamp(tmp_path)
    assert stamp.is_unfinished
    assert not stamp.covers("same", frozenset())
    stamp.path.write_text('{"fingerprint": "sa', encoding="utf-8")
    assert bootstrap.Stamp(tmp_path).is_unfinished


def test_failed_installation_can_go_on_and_an_interrupted_one_begins_anew(
    project: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole of `prepare`, against a package index that is not there."""
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port}/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setattr(bootstrap, "CPU_INDEX", f"http://127.0.0.1:{closed_port}/cpu")
    monkeypatch.setattr(bootstrap, "CUDA_GIB", 0.0)
    with pytest.raises(bootstrap.SetupError, match="The package index cannot be reached"):
        bootstrap.prepare(project, frozenset())
    stamp = bootstrap.Stamp(project / ".venv")
    assert not stamp.is_unfinished
    assert not stamp.covers(bootstrap.fingerprint(project), frozenset())

    venv = project / ".venv"
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    relic = venv / "relic"
    relic.touch()
    bootstrap.make_venv(venv, python, anew=bootstrap.Stamp(venv).is_unfinished)
    assert relic.exists()
    bootstrap.Stamp(venv).begin()
    bootstrap.make_venv(venv, python, anew=bootstrap.Stamp(venv).is_unfinished)
    assert not relic.exists()
    assert python.exists()


@POSIX_ONLY
def test_installation_in_which_pip_was_killed_is_begun_anew(project: Path) -> None:
    dying_python = project / ".venv" / "bin" / "python"
    dying_python.parent.mkdir(parents=True)
    # Sound when asked for its version and packages; every run of pip ends by kill -9.
    dying_python.write_text(
        f'#!/bin/sh\n[ "$2" = pip ] && kill -9 $$\necho "{sys.version_info[:2]}"\n', encoding="utf-8"
    )
    dying_python.chmod(0o755)
    with pytest.raises(bootstrap.PipKilled, match="signal 9"):
        bootstrap.prepare(project, frozenset())
    assert bootstrap.Stamp(project / ".venv").is_unfinished


# --- PyTorch's index ---


class Answering(BaseHTTPRequestHandler):
    """Answers what its path says: /200 well, /404 not found."""

    def do_HEAD(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Keep the tests' output free of requests."""


@pytest.fixture
def web_server() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_index_is_reachable_only_with_a_good_answer(web_server: str) -> None:
    assert bootstrap.is_reachable(f"{web_server}/200", seconds=5)
    assert not bootstrap.is_reachable(f"{web_server}/404", seconds=5)


def test_closed_index_is_given_up_at_once(closed_port: int) -> None:
    started = time.monotonic()
    assert not bootstrap.is_reachable(f"http://127.0.0.1:{closed_port}/", seconds=30)
    assert time.monotonic() - started < 10


def test_silent_index_is_given_up_in_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # connections succeed and are never answered
        started = time.monotonic()
        assert not bootstrap.is_reachable(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.5)
        assert time.monotonic() - started < 10


def test_unreachable_index_is_told_with_the_size_of_the_other(
    project: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not sys.platform.startswith("linux") or bootstrap.has_nvidia_gpu():
        pytest.skip("this computer takes the ordinary packages anyway")
    monkeypatch.setattr(bootstrap, "CPU_INDEX", f"http://127.0.0.1:{closed_port}/cpu")
    monkeypatch.setattr(bootstrap, "CUDA_GIB", 0.0)
    bootstrap.install_pytorch(project, Path(sys.executable))
    assert "5.5 GB on disk instead of 200 MB" in capsys.readouterr().out


def test_ranges_of_pytorch_are_those_of_pyproject(project: Path) -> None:
    assert bootstrap.pytorch_requirements(project) == ["torch>=2.4,<3"]
    stated = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    ours = bootstrap.pytorch_requirements(ROOT)
    assert [need.partition(">")[0] for need in ours] == ["torch"]
    assert all(f'"{need}"' in stated for need in ours)


# --- what is missing ---


def test_too_little_disk_space_is_told_before_anything_is_fetched(tmp_path: Path) -> None:
    bootstrap.require_disk_space(tmp_path, 0.0)
    with pytest.raises(bootstrap.SetupError, match="needs about 1000000000 GB"):
        bootstrap.require_disk_space(tmp_path, 1e9)


def test_missing_system_package_is_told_as_one_command() -> None:
    needs = (
        bootstrap.SystemNeed("something", lambda: True, "libsomething1"),
        bootstrap.SystemNeed("nothing", lambda: False, "libnothing1"),
        bootstrap.SystemNeed("more", lambda: True, "libmore2"),
    )
    with pytest.raises(bootstrap.SetupError) as caught:
        bootstrap.supply_system_needs(needs, apt_get=None)
    assert "lacks something and more" in str(caught.value)
    assert "sudo apt-get install libsomething1 libmore2\n" in str(caught.value)


@POSIX_ONLY
def test_missing_system_package_is_installed_where_that_is_allowed(tmp_path: Path) -> None:
    apt_get = tmp_path / "apt-get"
    apt_get.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n', encoding="utf-8")
    apt_get.chmod(0o755)
    calls = tmp_path / "calls"
    need = bootstrap.SystemNeed("something", lambda: not calls.exists(), "libsomething1")
    bootstrap.supply_system_needs((need,), str(apt_get))
    assert calls.read_text(encoding="utf-8").splitlines()[0].startswith("update")
    assert calls.read_text(encoding="utf-8").splitlines()[1].endswith("libsomething1")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        ("NewConnectionError(...): [Errno -3] Temporary failure in name resolution", "cannot be reached"),
        ("SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED]", "PIP_CERT"),
        ("ERROR: No matching distribution found for torch<3,>=2.4", "64-bit Python"),
        ("ERROR: No matching distribution found for setuptools", "PIP_INDEX_URL"),
        ("error: something else", "its own words are above"),
    ],
)  # fmt: skip
def test_words_of_pip_become_a_sentence_with_the_next_step(words: str, sentence: str) -> None:
    assert sentence in bootstrap.explain_pip(words)
    assert bootstrap.explain_pip(words).endswith("then start this command again.")


@POSIX_ONLY
@pytest.mark.parametrize("home", [None, "", "/absent/folder"])
def test_missing_home_folder_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    if home is None:
        monkeypatch.delenv("HOME")
    else:
        monkeypatch.setenv("HOME", home)
    bootstrap.mend_home(tmp_path)
    assert Path(os.environ["HOME"]).is_dir()
    assert os.access(os.environ["HOME"], os.W_OK)


# --- running programs ---


def test_exit_code_of_a_program_comes_back(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "import os, sys; sys.exit(int(os.path.basename(os.getcwd())))"]
    (tmp_path / "7").mkdir()
    assert bootstrap.run_to_end(command, cwd=tmp_path / "7") == 7
