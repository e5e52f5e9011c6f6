"""A student's way in: `gan-desktop join` with every kind of card, `classes`, `leave`, and the plain start."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import platformdirs
import pytest

from gan_desktop.admission import Protection, admit, open_class, protection
from gan_desktop.class_admin.cards import Entrance, enrol_card, entrance, withdraw_enrol_card
from gan_desktop.class_admin.people import add_student, remove_student, students
from gan_desktop.class_code import shown_code
from gan_desktop.cli import main
from gan_desktop.database.accounts import Accounts
from gan_desktop.database.connection import Connection
from gan_desktop.database.enrolment import CardKind, EnrolCards
from gan_desktop.errors import ConnectionFailed, CredentialsError, GanDesktopError, Refused
from gan_desktop.join_card import JoinCard
from gan_desktop.known_classes import KnownClass, KnownClasses
from gan_desktop.worker.home import WorkerHome
from tests.integration.classroom import CONFIG, Classroom, finished
from tests.integration.console import Answer, finish, gan_desktop, read_until, start, write_config
from tests.integration.tls import ELSEWHERE, can_listen_elsewhere, make_certificate, tls_relay

Run = Callable[..., Answer]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `gan-desktop ...` in this process, in a folder without config.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def command(*arguments: object, stdin: str = "") -> Answer:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main([*map(str, arguments)])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return command


@pytest.fixture
def way(classroom: Classroom) -> Entrance:
    return entrance(classroom.coordinator_address)


def personal_card(classroom: Classroom, way: Entrance, name: str = "Ana") -> JoinCard:
    student = add_student(classroom.coordinator_address, name)
    return way.card(student.user, student.password or "", name=name)


def card_for_many(classroom: Classroom, way: Entrance, kind: CardKind = "class", uses: int = 5) -> JoinCard:
    return enrol_card(classroom.coordinator_address, way, kind, uses, timedelta(hours=1))[0]


def who_is_in(classroom: Classroom) -> list[str]:
    return [student.name for student in students(classroom.coordinator_address)]


def require_way_in(classroom: Classroom, name: str) -> str:
    """The stored way leads into the class; returns the login."""
    classes = KnownClasses()
    known = classes.find(name)
    with Connection(open_class(classes, known)) as connection:
        assert connection.query("SELECT own_account_id() IS NOT NULL AS it")[0].it
    return known.user


# -- the kinds of cards --------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["file", "link", "line", "pasted"])
def test_a_personal_card_in_every_form(run: Run, classroom: Classroom, way: Entrance, form: str) -> None:
    card = personal_card(classroom, way, "Zoë")
    Path("zoe.gandjoin").write_text(card.to_file_text(), encoding="utf-8")
    line = card.to_line()
    argument = {"file": "zoe.gandjoin", "link": card.to_link(), "line": line, "pasted": "-"}[form]
    answer = run("join", argument, "--store-in-file", stdin=f"{line[:40]}\n{line[40:]}\n")
    assert answer.code == 0, answer.stderr
    for words in (
        "Class: Vision",
        "Server: 127.0.0.1",
        Protection.LOCAL.value,
        'in "Vision" as Zoë',
        "--no-gui",
    ):
        assert words in answer.stdout
    assert card.password not in answer.said
    assert require_way_in(classroom, "vision") == card.user


def test_what_will_be_connected_to_is_said_before_it_is(run: Run, way: Entrance) -> None:
    card = replace(way.card("s_1", "secret"), hosts=("127.0.0.9",), port=1, insecure=True)
    answer = run("join", card.to_link(), "--store-in-file")
    assert answer.code == 3
    assert "Server: 127.0.0.9, port 1" in answer.stdout and "NOT encrypted" in answer.stdout
    assert KnownClasses().all() == []


def test_a_code_and_an_address_make_an_account(run: Run, classroom: Classroom, way: Entrance) -> None:
    card = card_for_many(classroom, way)
    address = f"127.0.0.1:{way.port}/{way.dbname}"
    code = shown_code(card.password).lower()
    without = run("join", code, "--name", "Ana")
    assert without.code == 2 and "--host ADDRESS" in without.stderr
    answer = run("join", code, "--host", address, "--name", "Ana", "--store-in-file")
    assert answer.code == 0, answer.stderr
    assert 'in "Vision" as Ana' in answer.stdout
    assert who_is_in(classroom) == ["Ana"]
    require_way_in(classroom, "Vision")


def test_a_wrong_code_says_what_to_compare(run: Run, classroom: Classroom, way: Entrance) -> None:
    card = card_for_many(classroom, way)
    wrong = card.password[:-1] + ("2" if card.password[-1] != "2" else "3")
    address = f"127.0.0.1:{way.port}/{way.dbname}"
    answer = run("join", wrong, "--host", address, "--name", "Ana", "--store-in-file")
    assert answer.code == 3
    assert "the code or the address is wrong" in answer.stderr
    assert wrong not in answer.stderr


def test_a_person_is_asked_for_a_name_or_told_to_say_one(
    run: Run, classroom: Classroom, way: Entrance
) -> None:
    card = card_for_many(classroom, way)
    answer = run("join", card.to_link(), "--store-in-file")
    assert answer.code == 1 and "Say who you are" in answer.stderr
    assert who_is_in(classroom) == []


def test_a_lab_computer_joins_by_its_host_name_or_the_one_given(
    run: Run, classroom: Classroom, way: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("room.gandjoin").write_text(card_for_many(classroom, way, "room").to_file_text())
    monkeypatch.setattr("socket.gethostname", lambda: "pc-17")
    assert run("join", "room.gandjoin", "--store-in-file").code == 0
    assert run("join", "room.gandjoin", "--name", "PC-18", "--store-in-file").code == 0
    assert who_is_in(classroom) == ["pc-17", "PC-18"]


# -- again, anew, elsewhere ----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["class", "room"])
def test_the_same_card_again_leads_back_to_the_same_account(
    run: Run, classroom: Classroom, way: Entrance, kind: CardKind
) -> None:
    card = card_for_many(classroom, way, kind, uses=1)
    logins = set()
    for arguments in (["--name", "PC-17"], ["--name", "PC-17"], ["--name", "PC-17"]):
        answer = run("join", card.to_link(), "--store-in-file", *arguments)
        assert answer.code == 0, answer.stderr
        logins.add(require_way_in(classroom, "Vision"))
    assert len(logins) == 1
    assert len(KnownClasses().all()) == 1
    assert EnrolCards(classroom.coordinator).in_use()[0].num_uses == 1


def test_the_computers_own_pgpassword_is_not_taken_for_the_classs(
    run: Run, classroom: Classroom, way: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = card_for_many(classroom, way, uses=1)
    assert run("join", card.to_link(), "--name", "Ana", "--store-in-file").code == 0
    monkeypatch.setenv("PGPASSWORD", "of another database")
    assert run("join", card.to_link(), "--name", "Ana", "--store-in-file").code == 0


def test_a_lab_computer_that_was_set_up_anew_is_itself_again(
    classroom: Classroom, way: Entrance, tmp_path: Path
) -> None:
    card = card_for_many(classroom, way, "room", uses=1)
    before = admit(card, "PC-17", KnownClasses(tmp_path / "before"), in_file=True)
    after = admit(card, "PC-17", KnownClasses(tmp_path / "after"), in_file=True)
    assert before.user == after.user
    with Connection(open_class(KnownClasses(tmp_path / "after"), after)):
        pass


def test_another_person_on_the_same_computer_gets_an_account_of_her_own(
    run: Run, classroom: Classroom, way: Entrance
) -> None:
    card = card_for_many(classroom, way)
    for name in ("Ana", "Eva"):
        assert run("join", card.to_link(), "--name", name, "--store-in-file").code == 0
    assert who_is_in(classroom) == ["Ana", "Eva"]
    table = run("classes").stdout
    assert "Vision (2)" in table and "Eva" in table and "The first one is meant" in table


def test_a_removed_person_with_a_valid_card_joins_anew_and_is_told(
    run: Run, classroom: Classroom, way: Entrance
) -> None:
    card = card_for_many(classroom, way)
    run("join", card.to_link(), "--name", "Ana", "--store-in-file")
    first = require_way_in(classroom, "Vision")
    remove_student(classroom.coordinator_address, "Ana")
    answer = run("join", card.to_link(), "--name", "Ana", "--store-in-file")
    assert answer.code == 0 and "may not any more" in answer.stdout
    assert KnownClasses().all()[0].user != first


def test_a_renewed_card_takes_the_place_of_the_former_one(
    run: Run, classroom: Classroom, way: Entrance
) -> None:
    card = personal_card(classroom, way)
    run("join", card.to_link(), "--store-in-file")
    renewed = Accounts(classroom.coordinator).renew(card.user)
    former = run("join", card.to_link(), "--store-in-file")
    assert former.code == 3 and "card was replaced or withdrawn" in former.stderr
    assert run("join", replace(card, password=renewed.password).to_link(), "--store-in-file").code == 0
    assert len(KnownClasses().all()) == 1
    require_way_in(classroom, "Vision")


def test_a_withdrawn_card_lets_nobody_new_in_and_back_whoever_is_in(
    run: Run, classroom: Classroom, way: Entrance
) -> None:
    card, made = enrol_card(classroom.coordinator_address, way, "class", 5, timedelta(hours=1))
    run("join", card.to_link(), "--name", "Ana", "--store-in-file")
    withdraw_enrol_card(classroom.coordinator_address, made.card_id)
    assert run("join", card.to_link(), "--name", "Ana", "--store-in-file").code == 0
    refused = run("join", card.to_link(), "--name", "Eva", "--store-in-file")
    assert refused.code == 3 and "card was withdrawn" in refused.stderr


# -- nothing is used up by a failure -------------------------------------------------------------


def test_without_a_place_for_the_password_nothing_is_used_up(
    run: Run, classroom: Classroom, way: Entrance
) -> None:
    card = card_for_many(classroom, way, uses=1)
    refused = run("join", card.to_link(), "--name", "Ana")
    assert refused.code == 3 and "--store-in-file" in refused.stderr
    assert who_is_in(classroom) == []
    assert run("join", card.to_link(), "--name", "Ana", "--store-in-file").code == 0


@pytest.mark.parametrize("kind", ["class", "room"])
@pytest.mark.parametrize("in_memory", [False, True])
def test_an_account_whose_way_in_could_not_be_kept_is_taken_at_the_next_try(
    kind: CardKind, in_memory: bool, classroom: Classroom, way: Entrance, tmp_path: Path
) -> None:
    card = card_for_many(classroom, way, kind, uses=1)
    classes = KnownClasses(tmp_path)
    in_the_way = tmp_path / "classes.lock"
    in_the_way.mkdir()

    def join(classes: KnownClasses) -> KnownClass:
        return admit(card, "Ana", classes, in_memory=in_memory, in_file=not in_memory)

    with pytest.raises(GanDesktopError, match=r"classes\.json cannot be written"):
        join(classes)
    in_the_way.rmdir()
    # A program that was started anew has the memory of none before it.
    known = join(classes if in_memory else KnownClasses(tmp_path))
    assert who_is_in(classroom) == ["Ana"]
    with Connection(open_class(classes, known)):
        pass
    assert len(list((tmp_path / "passwords").glob("*"))) == (0 if in_memory else 1)


def test_without_a_folder_for_the_passwords_no_account_is_made(
    classroom: Classroom, way: Entrance, tmp_path: Path
) -> None:
    card = card_for_many(classroom, way, uses=1)
    (tmp_path / "passwords").write_text("in the way")
    with pytest.raises(CredentialsError, match="cannot be kept"):
        admit(card, "Ana", KnownClasses(tmp_path), in_file=True)
    assert who_is_in(classroom) == []
    (tmp_path / "passwords").unlink()
    admit(card, "Ana", KnownClasses(tmp_path), in_file=True)


def test_a_refused_name_leaves_no_password_behind(
    classroom: Classroom, way: Entrance, tmp_path: Path
) -> None:
    card = card_for_many(classroom, way)
    admit(card, "Ana", KnownClasses(tmp_path / "one"), in_file=True)
    with pytest.raises(Refused, match="takes part already"):
        admit(card, "Ana", KnownClasses(tmp_path / "two"), in_file=True)
    assert list((tmp_path / "two" / "passwords").iterdir()) == []


def test_an_instructors_login_is_no_students_card(run: Run, classroom: Classroom, way: Entrance) -> None:
    coordinator = classroom.coordinator_address
    answer = run("join", way.card(coordinator.user, coordinator.password or "").to_link(), "--store-in-file")
    assert answer.code == 3 and "instructor's login" in answer.stderr
    assert KnownClasses().all() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nonsense", "no join card"),
        ("K7PF2-QXM", "A code has 10"),
        ("missing.gandjoin", "cannot be read"),
        ("", "is empty"),
    ],
)
def test_what_is_no_card_is_named_with_exit_code_2(run: Run, text: str, words: str) -> None:
    answer = run("join", text or "-", "--store-in-file")
    assert answer.code == 2 and words in answer.stderr


def test_options_of_codes_are_refused_with_cards(run: Run, classroom: Classroom, way: Entrance) -> None:
    answer = run("join", personal_card(classroom, way).to_link(), "--insecure")
    assert answer.code == 2 and "for codes" in answer.stderr


@pytest.mark.skipif(not can_listen_elsewhere(), reason="this system has no second address of its own")
def test_an_unprotected_server_needs_the_persons_word_and_a_card_that_says_so_does_not(
    run: Run, classroom: Classroom, way: Entrance, tmp_path: Path
) -> None:
    card = card_for_many(classroom, way)
    with tls_relay(way.port, None, tmp_path) as port:
        code = [shown_code(card.password), "--host", f"{ELSEWHERE}:{port}/{way.dbname}", "--name", "Ana"]
        refused = run("join", *code, "--store-in-file")
        assert refused.code == 3 and "offers no encryption" in refused.stderr
        assert "add --insecure" in refused.stderr and "Connection: only if it is encrypted" in refused.stdout
        assert who_is_in(classroom) == []
        accepted = run("join", *code, "--store-in-file", "--insecure")
        assert accepted.code == 0, accepted.stderr
        assert "NOT encrypted" in accepted.stdout
        allowed = replace(card, hosts=(ELSEWHERE,), port=port, insecure=True)
        assert run("join", allowed.to_link(), "--name", "Eva", "--store-in-file").code == 0


@pytest.mark.skipif(not can_listen_elsewhere(), reason="this system has no second address of its own")
def test_a_card_with_a_certificate_is_joined_over_tls(
    run: Run, classroom: Classroom, way: Entrance, tmp_path: Path
) -> None:
    own = make_certificate("gan.school.example")
    with tls_relay(way.port, own, tmp_path) as port:
        card = replace(
            personal_card(classroom, way), hosts=("nowhere.invalid", ELSEWHERE), port=port, ca_pem=own.pem
        )
        assert protection(card) is Protection.PINNED
        answer = run("join", card.to_link(), "--store-in-file")
        assert answer.code == 0, answer.stderr
        [known] = KnownClasses().all()
        assert (known.answering_host, known.ca_pem) == (ELSEWHERE, own.pem)
        address = open_class(KnownClasses(), known)
        assert address.hosts == (ELSEWHERE, "nowhere.invalid")


# -- classes, leave, the plain start -------------------------------------------------------------


def test_classes_are_listed_and_left(run: Run, classroom: Classroom, way: Entrance, home: Path) -> None:
    assert "No class was joined" in run("classes").stdout
    run("join", personal_card(classroom, way).to_link(), "--store-in-file")
    assert "Vision" in run("classes").stdout
    assert "There are" in run("leave", "Visions").stderr
    answer = run("leave", "vision")
    assert answer.code == 0 and "no more" in answer.stdout
    assert KnownClasses().all() == []
    assert [path for path in home.rglob("*.txt") if "passwords" in path.parts] == []
    assert who_is_in(classroom) == ["Ana"]


def test_units_that_were_not_handed_in_are_not_lost_by_leaving(
    run: Run, classroom: Classroom, way: Entrance, home: Path
) -> None:
    classroom.start_training()
    unit = classroom.add_worker().claim()
    card = personal_card(classroom, way, "Eva")
    run("join", card.to_link(), "--store-in-file")
    state = platformdirs.user_data_path("gan-desktop", appauthor=False) / "workers"
    worker_home = WorkerHome.open(state, f"{card.dbname}/{card.user}")
    worker_home.outbox.put(finished(unit))
    running = run("leave", "Vision", "--yes")
    assert running.code == 1 and "Stop it first" in running.stderr
    worker_home.close()
    refused = run("leave", "Vision")
    assert refused.code == 1 and "not handed in" in refused.stderr
    assert len(KnownClasses().all()) == 1
    assert run("leave", "Vision", "--yes").code == 0
    assert not any(state.rglob("*.update"))


def test_a_plain_start_without_config_contributes_to_the_newest_joined_class(
    classroom: Classroom, way: Entrance, tmp_path: Path
) -> None:
    classroom.start_training(config=replace(CONFIG, target_iterations=1))
    classroom.superuser.execute("UPDATE gan.training_runs SET status = 'complete', finished_at = now()")
    joined = gan_desktop(
        "join", personal_card(classroom, way, "Zoë").to_link(), "--store-in-file", cwd=tmp_path
    )
    assert joined.code == 0, joined.stderr
    for arguments in ([], ["--class", "vision"]):
        answer = gan_desktop("--no-gui", *arguments, "--exit-when-done", "--device", "cpu", cwd=tmp_path)
        assert answer.code == 0, answer.said
        assert "Name: Zoë" in answer.stdout
    wrong = gan_desktop("--no-gui", "--class", "Visions", cwd=tmp_path)
    assert wrong.code == 2 and 'There are: "Vision"' in wrong.stderr


def test_join_and_start_in_one_command(classroom: Classroom, way: Entrance, tmp_path: Path) -> None:
    classroom.start_training()
    classroom.superuser.execute("UPDATE gan.training_runs SET status = 'complete', finished_at = now()")
    card = card_for_many(classroom, way, "room")
    (tmp_path / "room.gandjoin").write_text(card.to_file_text())
    words = "join", "room.gandjoin", "--name", "PC-17", "--store-in-file", "--start"
    with start(*words, cwd=tmp_path) as process:
        said = read_until(process, "waits here for the class's next training")
        process.send_signal(signal.SIGINT)
        answer = finish(process)
    assert answer.code == 0, answer.said
    assert "Name: PC-17" in said


def test_a_config_file_with_a_class_comes_before_joined_classes(
    run: Run, classroom: Classroom, way: Entrance, tmp_path: Path
) -> None:
    run("join", personal_card(classroom, way).to_link(), "--store-in-file")
    write_config(tmp_path, replace(classroom.coordinator_address, host="nowhere.invalid"))
    answer = run("--no-gui")
    assert answer.code == 3 and "nowhere.invalid" in answer.stderr


def test_somebody_without_a_class_is_told_about_cards(run: Run) -> None:
    answer = run("--no-gui")
    assert answer.code == 2
    for words in ("gan-desktop join CARD", "config.yaml", "--demo"):
        assert words in answer.stderr


@pytest.mark.skipif(os.name == "nt", reason="Windows has no file modes")
def test_what_joining_leaves_on_the_disk_is_its_owners_alone(
    run: Run, classroom: Classroom, way: Entrance, home: Path
) -> None:
    card = card_for_many(classroom, way)
    run("join", card.to_link(), "--name", "Ana", "--store-in-file")
    known = KnownClasses().all()[0]
    password = KnownClasses().stored_password(known)
    assert password is not None
    files = [path for path in home.rglob("*") if path.is_file()]
    telling = [path for path in files if password in path.read_text("utf-8", errors="replace")]
    assert len(telling) == 1 and telling[0].stat().st_mode & 0o077 == 0
    assert not any(card.password in path.read_text("utf-8", errors="replace") for path in files)


def test_a_server_that_is_full_for_a_moment_is_asked_again(
    classroom: Classroom, way: Entrance, tmp_path: Path
) -> None:
    """As when thirty laptops use one class card at once."""
    card = card_for_many(classroom, way)
    sessions = [classroom.connect(classroom.address(card.user, card.password)) for _ in range(10)]
    with pytest.raises(ConnectionFailed) as full:
        classroom.connect(classroom.address(card.user, card.password))
    assert full.value.cause == "too_many"

    def leave() -> None:
        for session in sessions:
            session.close()

    leaving = threading.Timer(1.0, leave)
    leaving.start()
    try:
        assert admit(card, "Ana", KnownClasses(tmp_path), in_file=True).person == "Ana"
    finally:
        leaving.join()


def test_a_name_that_is_taken_can_be_chosen_anew(classroom: Classroom, way: Entrance, tmp_path: Path) -> None:
    card = card_for_many(classroom, way)
    classroom.add_student("Ana")
    with pytest.raises(GanDesktopError, match="takes part already"):
        admit(card, "Ana", KnownClasses(tmp_path), in_file=True)
    assert admit(card, "Ana B", KnownClasses(tmp_path), in_file=True).name == "Vision"
