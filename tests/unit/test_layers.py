"""Rules about modules that import-linter cannot see."""

from __future__ import annotations

import subprocess
import sys

# Runs in a process of its own, where nothing is imported yet.
IMPORT_EVERYTHING = """
import importlib, pkgutil, sys, threading
import psycopg2, rich, safetensors, torch  # what these do when imported is theirs

WATCHED = {"socket.connect", "socket.bind", "subprocess.Popen", "os.mkdir"}
done = []
sys.addaudithook(lambda event, arguments: done.append((event, arguments)) if event in WATCHED else None)
import gan_desktop
for module in pkgutil.walk_packages(gan_desktop.__path__, "gan_desktop."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
assert not done, done
assert threading.active_count() == 1, threading.enumerate()
"""


def test_importing_a_module_does_nothing_that_one_could_see() -> None:
    program = [sys.executable, "-B", "-c", IMPORT_EVERYTHING]
    answer = subprocess.run(program, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    assert (answer.stdout, answer.stderr) == ("", "")


def test_database_and_settings_do_without_pytorch() -> None:
    program = """
import importlib, pkgutil, sys
import gan_desktop.credentials, gan_desktop.database
for module in pkgutil.walk_packages(gan_desktop.database.__path__, "gan_desktop.database."):
    importlib.import_module(module.name)
assert "torch" not in sys.modules
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
