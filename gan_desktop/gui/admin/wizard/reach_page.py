"""Can others reach it? The address, another computer that connects now, and for how many there is room."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QVBoxLayout, QWidget

from gan_desktop.errors import GanDesktopError
from gan_desktop.gui.admin.snapshot import TaughtClass
from gan_desktop.gui.admin.wizard.here_page import EVERYWHERE, HERE_ALONE, USUAL_STUDENTS, ListenChoice
from gan_desktop.gui.admin.wizard.page import ClassPage, Facts, make_form, side_by_side
from gan_desktop.gui.background import run_in_background
from gan_desktop.gui.calm_fields import CalmSpinBox
from gan_desktop.gui.joining.page import plain_label, push_button
from gan_desktop.gui.theme import em, scale_font, set_role, use_tabular_digits
from gan_desktop.gui.trouble import Trouble
from gan_desktop.gui.words import number

if TYPE_CHECKING:
    from gan_desktop.class_admin.reach import Visit

# After so long without anybody the causes are the more likely explanation.
CAUSES_AFTER_MS = 20_000
USUAL_MBIT_S = 20
TRIAL_USES, TRIAL_TIME = 3, timedelta(minutes=30)


@dataclass(frozen=True)
class Surroundings:
    """How the class can be reached.

    Attributes:
        addresses: As people type them, the likeliest first; empty: from this computer alone.
        listen: What a server on this computer listens at; empty: the server is elsewhere.
        networks: Name and address of each network of this computer.
        adapter_mbit_s: What its first network adapter says of its speed; None: nothing.
        num_connections: Less those that the server keeps for its administrator, as on all pages.
        num_students: For so many there are connections.
        link_mbit_s: To a server elsewhere, measured; None: it is on this computer.
        needed_mbit_s: By a lesson of `for_students`; None: not known.
    """

    addresses: tuple[str, ...]
    listen: str
    networks: tuple[tuple[str, str], ...]
    adapter_mbit_s: int | None
    num_connections: int
    num_students: int
    link_mbit_s: float | None
    needed_mbit_s: float | None
    for_students: int


@dataclass(frozen=True)
class TrialCard:
    """A code that is there for the trial alone."""

    card_id: int
    code: str = field(repr=False)
    address: str


class ReachPage(ClassPage):
    """Shows the address, and waits for another computer when asked to.

    Signals:
        listen_wanted: An address to listen at from now on.
        visited: In words, who has come.
        network_known: What the room's network carries, in Mbit/s.
        go_on_wanted: The next page.
    """

    listen_wanted = Signal(str)
    visited = Signal(str)
    network_known = Signal(float)
    go_on_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(2, parent)
        self.set_title(self.tr("Can others reach it?"))
        self._taught: TaughtClass | None = None
        self._for_students = USUAL_STUDENTS
        self.around: Surroundings | None = None
        self._stop: threading.Event | None = None
        self._card: TrialCard | None = None
        frame, form = make_form(self)
        self.address = plain_label("...", frame)
        scale_font(self.address, 1.3, bold=True)
        use_tabular_digits(self.address)
        self.address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.others = plain_label("", frame, role="muted")
        self.others.hide()
        self.listen = ListenChoice(frame)
        self.listen.activated.connect(self._take_listen)
        self.room = plain_label("", frame)
        self.mbit_s = CalmSpinBox(frame, minimum=1, maximum=10_000, value=USUAL_MBIT_S)
        self.mbit_s.setSuffix(self.tr(" Mbit/s"))
        self.mbit_s.setAccessibleName(self.tr("Room's network"))
        self.mbit_s.setMinimumHeight(em(self, 1.9))
        self.mbit_s.valueChanged.connect(self._show_network)
        self.network = plain_label("", frame, role="muted")
        form.addRow(self.tr("Address"), side_by_side(frame, self.address, self.others))
        form.addRow(self.tr("Reached by"), self.listen)
        form.addRow(self.tr("Places"), self.room)
        form.addRow(self.tr("Room's network"), side_by_side(frame, self.network, self.mbit_s))
        self._form = form
        self.middle.addWidget(frame)
        self.middle.addWidget(self._make_test())
        self.go_on = self.add_button(self.tr("Go on"), self.go_on_wanted.emit, is_primary=True)
        self._patience = QTimer(self, singleShot=True, interval=CAUSES_AFTER_MS)
        self._patience.timeout.connect(self._show_causes)

    def _make_test(self) -> QFrame:
        frame = QFrame(self)
        set_role(frame, "card")
        self.test = push_button(self.tr("Let another computer connect now"), self._press, self)
        self.told = plain_label("", frame)
        self.to_type = plain_label("", frame)
        scale_font(self.to_type, 1.6, bold=True)
        use_tabular_digits(self.to_type)
        self.to_type.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.to_type.hide()
        self.causes = Facts(frame)
        self.causes.hide()
        column = QVBoxLayout(frame)
        column.setContentsMargins(em(self, 1.0), em(self, 0.8), em(self, 1.0), em(self, 0.8))
        column.setSpacing(em(self, 0.5))
        column.addWidget(self.test, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self.told)
        column.addWidget(self.to_type)
        column.addWidget(self.causes)
        return frame

    # -- showing a class ------------------------------------------------------------------------

    def show_class(self, taught: TaughtClass, num_students: int, visit: str) -> None:
        """Look how a class can be reached.

        Args:
            num_students: How many are expected.
            visit: Who has come already, in words; empty: nobody yet.
        """
        self._taught, self._for_students = taught, num_students
        self.around = None
        self._form.setRowVisible(self.listen, taught.hosted_in is not None)
        self.mbit_s.setVisible(taught.hosted_in is not None)
        self._tell_visit(visit) if visit else self._invite()
        self.clear_trouble()
        self.show_busy(self.tr("Looking how others find it ..."))
        run_in_background(
            lambda: _look_around(taught, num_students), self._take_around, self._tell_around, owner=self
        )

    def enter(self) -> None:
        """The test comes first."""
        self.test.setFocus()

    def leave(self) -> None:
        """Nobody is waited for any more; what was found of the network is known to the other pages."""
        super().leave()
        if self.around is not None:
            self.network_known.emit(self.around.link_mbit_s or float(self.mbit_s.value()))
        self._end_waiting()

    def typed(self) -> dict[str, str]:
        """The network, as it was asked."""
        return {"mbit_s": str(self.mbit_s.value())}

    def type_again(self, typed: dict[str, str]) -> None:
        """As it was."""
        if (value := typed.get("mbit_s", "")).isdecimal():
            self.mbit_s.setValue(int(value))

    def _take_around(self, around: Surroundings) -> None:
        self.show_busy("")
        self.around = around
        for name, address in around.networks:
            self.listen.add_network(name, address)
        if around.listen:
            self.listen.choose(EVERYWHERE if around.listen in ("*", EVERYWHERE) else around.listen)
        is_alone = not around.addresses
        self.address.setText(self.tr("none yet") if is_alone else around.addresses[0])
        self.others.setText(self.tr("also: {addresses}").format(addresses=", ".join(around.addresses[1:3])))
        self.others.setVisible(len(around.addresses) > 1)
        self.address.setToolTip("\n".join(around.addresses))
        words = self.tr("{connections} connections: about {students} students at the same time.")
        self.room.setText(
            words.format(connections=number(around.num_connections), students=number(around.num_students))
        )
        is_enough = around.num_students >= around.for_students
        set_role(self.room, "good" if is_enough else "bad")
        self.test.setEnabled(not is_alone)
        if is_alone:
            self.told.setText(
                self.tr("The class listens for this computer alone. Choose above who may reach it.")
            )
        self._show_network()
        self._invite_again()

    def _tell_around(self, error: GanDesktopError) -> None:
        self.tell(error)
        self.test.setEnabled(False)

    def _show_network(self) -> None:
        around = self.around
        if around is None:
            return
        is_here = around.link_mbit_s is None
        mbit_s = float(self.mbit_s.value()) if around.link_mbit_s is None else around.link_mbit_s
        told = []
        if not is_here:
            told.append(self.tr("Measured from here: {speed} Mbit/s.").format(speed=number(mbit_s)))
        else:
            told.append(self.tr("Your Wi-Fi's speed; a usual classroom has about 20 Mbit/s."))
        if is_here and around.adapter_mbit_s is not None:
            words = self.tr("Your adapter says {speed} Mbit/s; in a Wi-Fi all share about a third of it.")
            told.append(words.format(speed=number(around.adapter_mbit_s)))
        if around.needed_mbit_s is not None:
            words = self.tr("{students} students need about {speed} Mbit/s in a lesson.")
            told.append(
                words.format(students=number(around.for_students), speed=number(around.needed_mbit_s, 1))
            )
            is_too_slow = around.needed_mbit_s > mbit_s
            set_role(self.network, "bad" if is_too_slow else "muted")
            if is_too_slow:
                told.append(self.tr("That is too much: choose longer units on the Training page."))
        self.network.setText(" ".join(told))

    def _take_listen(self) -> None:
        if self.around is not None and self.listen.address != self.around.listen:
            self._end_waiting()
            self.listen_wanted.emit(self.listen.address)

    # -- another computer -----------------------------------------------------------------------

    @property
    def is_waiting(self) -> bool:
        """Whether somebody is waited for at this moment."""
        return self._stop is not None

    def _invite(self) -> None:
        self.causes.hide()
        self.test.setText(self.tr("Let another computer connect now"))
        set_role(self.told, "muted")
        self.told.setText(
            self.tr(
                "Do this once in the room, before the lesson: it shows whether the network lets students"
                " through."
            )
        )

    def _invite_again(self) -> None:
        if self.is_waiting:
            self._say_what_to_do()

    def _press(self) -> None:
        if self.is_waiting:
            self._end_waiting()
            self._invite()
        else:
            self._wait()

    def _wait(self) -> None:
        taught = self._taught
        if taught is None:
            return
        stop = self._stop = threading.Event()
        self.destroyed.connect(stop.set)
        self.clear_trouble()
        self.causes.hide()
        self.test.setText(self.tr("Stop waiting"))
        self._patience.start()
        if taught.hosted_in is not None:
            self._say_what_to_do()
            self._listen_at_door(taught, stop)
        else:
            self._make_code(taught, stop)

    def _make_code(self, taught: TaughtClass, stop: threading.Event) -> None:
        """A server elsewhere notices only who logs in: a code of its own is for that."""

        def take(card: TrialCard) -> None:
            if self._stop is not stop:
                _withdraw_later(taught, card, self)
                return
            self._card = card
            self._say_what_to_do()
            self._listen_at_door(taught, stop)

        run_in_background(lambda: _make_trial_card(taught), take, partial(self._fail, stop), owner=self)

    def _listen_at_door(self, taught: TaughtClass, stop: threading.Event) -> None:
        def take(visit: Visit | None) -> None:
            if visit is not None and self._stop is stop:
                self._end_waiting()
                self._take_visit(visit)

        run_in_background(lambda: _await(taught, stop), take, partial(self._fail, stop), owner=self)

    def _fail(self, stop: threading.Event, error: GanDesktopError) -> None:
        if self._stop is stop:
            self._end_waiting()
            self._invite()
            self.show_trouble(Trouble.of(error))

    def _say_what_to_do(self) -> None:
        set_role(self.told, "muted")
        if self._card is not None:
            words = self.tr(
                'Waiting. On another computer start GAN Desktop, choose "Join a class" and the way with code'
                " and address. A try from this computer itself does not count."
            )
            self.told.setText(words)
            self.to_type.setText(f"{self._card.address}   {self._card.code}")
            self.to_type.show()
            return
        address = self.around.addresses[0] if self.around and self.around.addresses else "..."
        words = self.tr(
            "Waiting. On another computer in this network, or a phone, open a browser and type the address"
            " below: the page stays empty, but it is noticed here. A try from this computer itself does not"
            " count."
        )
        self.told.setText(words)
        self.to_type.setText(f"http://{address}")
        self.to_type.show()

    def _end_waiting(self) -> None:
        self._patience.stop()
        self.to_type.hide()
        if self._stop is not None:
            self._stop.set()
            self._stop = None
        if self._card is not None and self._taught is not None:
            _withdraw_later(self._taught, self._card, self)
            self._card = None

    def _take_visit(self, visit: Visit) -> None:
        who = visit.address or self.tr("another computer")
        self._tell_visit(who)
        self.visited.emit(who)

    def _tell_visit(self, who: str) -> None:
        self.causes.hide()
        self.test.setText(self.tr("Test once more"))
        set_role(self.told, "good")
        self.told.setText(self.tr("It works: {who} has come through.").format(who=who))
        self.go_on.setFocus()

    def _show_causes(self) -> None:
        taught = self._taught
        if taught is None or not self.is_waiting:
            return
        self.causes.show_lines([(False, words) for words in self._likely_causes(taught)])
        self.causes.show()

    def _likely_causes(self, taught: TaughtClass) -> list[str]:
        port = taught.address.port
        if taught.hosted_in is None:
            return [
                self.tr(
                    "A firewall of the school lets nobody out to port {port}: its IT can open it."
                ).format(port=port),
                self.tr("The server lets in only some addresses: its administrator knows (pg_hba.conf)."),
            ]
        return [
            self.tr(
                "This computer's firewall keeps them out. Windows asks at the first start: allow it for"
                " private networks. Linux: sudo ufw allow {port}/tcp"
            ).format(port=port),
            self.tr(
                "Windows takes this network for a public one and hides the computer: Settings, Network, and"
                " choose Private."
            ),
            self.tr(
                "The Wi-Fi keeps guests apart (many school and hotel networks do): use another one, a"
                " phone's hotspot, or a server."
            ),
        ]


def _look_around(taught: TaughtClass, num_students: int) -> Surroundings:
    """Runs in the background."""
    from gan_desktop.class_admin.cards import entrance
    from gan_desktop.class_admin.reach import budget, listening, measure_link, networks_of_this_computer
    from gan_desktop.class_code import shown_address

    address = taught.address
    way, room = entrance(address), budget(address)
    networks = networks_of_this_computer() if taught.hosted_in is not None else []
    is_alone = taught.hosted_in is not None and set(way.hosts) <= {HERE_ALONE}
    hosts = () if is_alone else way.hosts
    return Surroundings(
        addresses=tuple(shown_address(host, address.port, address.dbname) for host in hosts),
        listen=listening(address) if taught.hosted_in is not None else "",
        networks=tuple((network.name, network.address) for network in networks),
        adapter_mbit_s=networks[0].mbit_s if networks else None,
        num_connections=room.room.allowed - room.room.reserved,
        num_students=room.num_students,
        link_mbit_s=None if taught.hosted_in is not None else measure_link(address),
        needed_mbit_s=_needed(num_students),
        for_students=num_students,
    )


def _needed(num_students: int) -> float:
    from gan_desktop.class_admin.estimates import Crowd, estimate, payload_sizes
    from gan_desktop.gui.admin.wizard.first_training import lesson_preset

    config = lesson_preset().config
    return estimate(config, payload_sizes(config), Crowd(num_students)).mbit_s


def _await(taught: TaughtClass, stop: threading.Event) -> Visit | None:
    """Runs in the background until somebody comes or `stop` is set."""
    from gan_desktop.class_admin.reach import HostedDoor, LoginDoor, await_visit

    if taught.hosted_in is None:
        door: HostedDoor | LoginDoor = LoginDoor(taught.address)
    else:
        from gan_desktop.class_admin.hosting import hosted_administrator

        door = HostedDoor(taught.hosted_in, hosted_administrator(taught.hosted_in, taught.address.dbname))
    return await_visit(door, stop.is_set, wait=stop.wait)


def _make_trial_card(taught: TaughtClass) -> TrialCard:
    from gan_desktop.class_admin.cards import enrol_card, entrance
    from gan_desktop.class_code import shown_address, shown_code

    way = entrance(taught.address)
    card, made = enrol_card(taught.address, way, "class", TRIAL_USES, TRIAL_TIME)
    place = shown_address(way.hosts[0], way.port, way.dbname)
    return TrialCard(made.card_id, shown_code(card.password), place)


def _withdraw_later(taught: TaughtClass, card: TrialCard, owner: QWidget) -> None:
    def withdraw() -> None:
        from gan_desktop.class_admin.cards import withdraw_enrol_card

        withdraw_enrol_card(taught.address, card.card_id)

    # It ends by itself, too.
    run_in_background(withdraw, lambda _: None, lambda _: None, owner=owner)
