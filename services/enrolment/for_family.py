"""Staff do for a family what it asked for by phone or on paper: answer an offer, or give something up.

A pupil with protected identity uses no e-service, so this is the only way it has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit
from services.enrolment import commands, disputes, repository
from services.enrolment.answering import CASE_OPEN
from services.enrolment.tables import applications

_COMMANDS: Mapping[str, Callable[..., Any]] = {
    "accept": commands.accept_offer,
    "decline": commands.decline_offer,
    "withdraw": commands.withdraw,
}
ACTIONS = tuple(_COMMANDS)


GUARDIAN_SAID_NO = Refusal(
    "guardian_said_no",
    N_("A guardian has said no to this offer on its page. Talk to both: who said no can change its answer."),
)


def _was_declined(unit: Unit, application_id: str) -> bool:
    row = unit.row(sa.select(applications).where(applications.c.application_id == application_id))
    return row is not None and row.state == "offered" and disputes.was_declined(unit.connection, row)


def act_for_family(unit: Unit, application_id: str, action: str, by: str, *, why: str) -> None:
    """`action` is one of ACTIONS; who asked for it, and how, is kept as the reason. Raises Refused."""
    if disputes.has_case(unit.connection, application_id):
        raise Refused(CASE_OPEN)
    if action == "accept" and _was_declined(unit, application_id):
        raise Refused(GUARDIAN_SAID_NO)
    _COMMANDS[action](unit, application_id, by)
    repository.note_events(unit, [(application_id, by, "asked", why)])
