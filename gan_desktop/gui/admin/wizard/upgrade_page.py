"""A class of an older program version: what changes, who would be too old, and doing it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QWidget

from gan_desktop.gui.admin.wizard import jobs
from gan_desktop.gui.admin.wizard.page import ClassPage, Facts, add_line, make_form
from gan_desktop.gui.joining.page import plain_label
from gan_desktop.gui.theme import em, set_role
from gan_desktop.gui.translation import engine_text

if TYPE_CHECKING:
    from gan_desktop.class_admin.upgrade import UpgradePlan
    from gan_desktop.database.address import Address
    from gan_desktop.database.upgrade import ProgramInUse

MOST_NAMED = 6


class UpgradePage(ClassPage):
    """Looks first, and changes only when told to.

    Signals:
        done: The class is up to date.
    """

    done = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, parent)
        self.plan: UpgradePlan | None = None
        self._address: Address | None = None
        self._hosted_in: Path | None = None
        self._administrator: Address | None = None
        self.set_title(self.tr("Bring the class up to date"))
        frame, form = make_form(self)
        self.login_frame = frame
        self.user = add_line(form, self.tr("Administrator's login"))
        self.password = add_line(form, self.tr("Password"), is_secret=True)
        self.password.returnPressed.connect(self.act)
        self.middle.addWidget(frame)
        self.changes, self.people = Facts(self), plain_label("", self)
        self.names: QLabel = plain_label("", self, role="muted")
        for widget in (self.changes, self.people, self.names):
            self.middle.addWidget(widget)
        self.middle.setSpacing(em(self, 0.6))
        self.go_on = self.add_button(self.tr("Look what changes"), self.act, is_primary=True)

    def show_class(self, address: Address, hosted_in: Path | None) -> None:
        """Begin with a class.

        Args:
            address: Any login's way in; whose does not matter.
            hosted_in: Its folder where it lives on this computer: then nobody's login is asked.
        """
        self._address, self._hosted_in = address, hosted_in
        self.plan, self._administrator = None, None
        self.user.clear()
        self.password.clear()
        self.login_frame.setVisible(hosted_in is None)
        self.clear_trouble()
        self._show_plan()
        if hosted_in is not None:
            self._look()

    def enter(self) -> None:
        """A login that is missing has the focus."""
        (self.user if self.login_frame.isVisible() and self.plan is None else self.go_on).setFocus()

    def set_waiting(self, is_waiting: bool) -> None:
        """As in the base class."""
        self.go_on.setEnabled(not is_waiting)

    def act(self) -> None:
        """Look what changes; then do it; then go on."""
        if self.plan is None:
            self._look()
        elif self.plan.is_needed:
            self._upgrade()
        else:
            self.done.emit()

    def _look(self) -> None:
        address, folder = self._address, self._hosted_in
        assert address is not None
        if folder is None:
            for field in (self.user, self.password):
                if not field.text().strip():
                    words = self.tr("Please fill in: {field}.").format(field=field.accessibleName())
                    self.tell_missing(field, words)
                    return
        user, password = self.user.text().strip(), self.password.text()

        def look() -> tuple[Address, UpgradePlan]:
            if folder is not None:
                administrator = jobs.administrator_here(folder, address.dbname)
            else:
                administrator = replace(address, user=user, password=password)
            return administrator, jobs.look_before_upgrade(administrator)

        self.ask(look, self._take_plan, self.tr("Looking what changes ..."))

    def _take_plan(self, found: tuple[Address, UpgradePlan]) -> None:
        self._administrator, self.plan = found
        self.login_frame.hide()
        self._show_plan()
        self.go_on.setFocus()

    def _upgrade(self) -> None:
        administrator = self._administrator
        assert administrator is not None
        self.ask(
            lambda: jobs.upgrade(administrator), self._take_upgrade, self.tr("Bringing it up to date ...")
        )

    def _take_upgrade(self, _: UpgradePlan) -> None:
        self.done.emit()

    def _show_plan(self) -> None:
        plan = self.plan
        if plan is None:
            self.set_lead(
                self.tr(
                    "An older version of the program made this class. Only the login that made it (the"
                    " server's administrator, not the instructor's) may change it."
                )
                if self._hosted_in is None
                else self.tr("An older version of the program made this class.")
            )
            self.changes.show_lines([])
            self.people.hide()
            self.names.hide()
            self.go_on.setText(self.tr("Look what changes"))
            return
        if not plan.is_needed:
            self.set_lead(self.tr('"{title}" is up to date. Nothing to do.').format(title=plan.title))
            self.changes.show_lines([])
            self.go_on.setText(self.tr("Go on"))
            return
        words = self.tr(
            '"{title}" goes from version {old} to {new}. Nothing of the class is lost, and it takes seconds.'
            " Afterwards an older program cannot use it any more."
        )
        self.set_lead(words.format(title=plan.title, old=plan.from_version, new=plan.to_version))
        self.changes.show_lines([(True, engine_text(change)) for change in plan.changes])
        self._show_programs(plan)
        self.go_on.setText(self.tr("Bring it up to date"))

    def _show_programs(self, plan: UpgradePlan) -> None:
        if not plan.programs:
            self.people.setText(self.tr("No computer has taken part in the last four weeks."))
        elif not plan.too_old:
            self.people.setText(
                self.tr("All %n computer(s) of the last four weeks can go on.", None, len(plan.programs))
            )
        else:
            words = self.tr(
                "{old} of {all} computers of the last four weeks have a program that is too old: they need"
                " {version} or newer, and are told so. What they have done stays."
            )
            self.people.setText(
                words.format(old=len(plan.too_old), all=len(plan.programs), version=plan.minimum_program)
            )
        set_role(self.people, "bad" if plan.too_old else "good")
        self.people.show()
        self.names.setText(_named(plan.too_old))
        self.names.setVisible(bool(plan.too_old))


def _named(programs: tuple[ProgramInUse, ...]) -> str:
    names = [f"{program.owner} ({program.name})" for program in programs[:MOST_NAMED]]
    return ", ".join(names) + (" ..." if len(programs) > MOST_NAMED else "")
