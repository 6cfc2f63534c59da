"""Parked facts: look at them, and have them handled again or set aside for good, with who and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from services.chassis.ids import new_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import inbox, parked_actions
from services.chassis.storage.unit import Unit
from services.contracts import registry

_PARKED = sa.and_(inbox.c.handled_at.is_(None), inbox.c.parked_at.is_not(None))
_UNKNOWN = inbox.c.last_error.startswith(registry.UnknownFact.__name__)
_AS_NEW: dict[str, Any] = {"attempts": 0, "next_attempt_at": None, "parked_at": None}
MOST_SHOWN = 200
RELEASE = "release"  # who it was, where it was no person

NOT_PARKED = Refusal("fact_not_parked", N_("There is no parked fact with this id."), status=404)
UNREADABLE = Refusal(
    "fact_unreadable",
    N_("This message is no fact that could be handled: discard it. The publisher's log still has the fact."),
)


def listed(storage: Storage) -> Sequence[sa.Row[Any]]:
    """Parked facts, the longest parked first. `body` is left out: it may hold personal data."""
    columns = [column for column in inbox.c if column.name != "body"]
    with storage.reading() as connection:
        return connection.execute(
            sa.select(*columns).where(_PARKED).order_by(inbox.c.parked_at).limit(MOST_SHOWN)
        ).all()


def shown(storage: Storage, message_id: str) -> sa.Row[Any]:
    """One parked fact, whole. Raises Refused."""
    with storage.reading() as connection:
        row = connection.execute(sa.select(inbox).where(_PARKED, inbox.c.message_id == message_id)).first()
    if row is None:
        raise Refused(NOT_PARKED)
    return row


def replay(storage: Storage, message_id: str, by: str, reason: str) -> None:
    """Let the worker try the fact again, as if it had just arrived. Raises Refused."""
    with storage.unit() as unit:
        row = _locked(unit, message_id)
        if row.sequence is None:
            raise Refused(UNREADABLE)
        unit.execute(sa.update(inbox).where(inbox.c.message_id == message_id).values(_AS_NEW))
        _note(unit, message_id, "replay", by, reason)


def discard(storage: Storage, message_id: str, by: str, reason: str) -> None:
    """Set the fact aside: it will have no effect, and its subject's later facts go on. Raises Refused."""
    with storage.unit() as unit:
        _locked(unit, message_id)
        unit.execute(sa.update(inbox).where(inbox.c.message_id == message_id).values(handled_at=unit.now))
        _note(unit, message_id, "discard", by, reason)


def replay_learned(storage: Storage) -> int:
    """Have facts handled again that were parked as unknown, and that this release knows; how many."""
    learned = sa.and_(_PARKED, _UNKNOWN, inbox.c.type.in_([*registry.FACTS, *registry.UPCASTERS]))
    with storage.unit() as unit:
        rows = unit.rows(sa.select(inbox.c.message_id).where(learned).with_for_update())
        for row in rows:
            _note(unit, row.message_id, "replay", RELEASE, "this release knows the fact")
        if rows:
            unit.execute(sa.update(inbox).where(learned).values(_AS_NEW))
    return len(rows)


def actions(storage: Storage) -> Sequence[sa.Row[Any]]:
    """What was done about parked facts, the newest first."""
    with storage.reading() as connection:
        return connection.execute(
            sa.select(parked_actions).order_by(parked_actions.c.at.desc()).limit(MOST_SHOWN)
        ).all()


def _locked(unit: Unit, message_id: str) -> sa.Row[Any]:
    row = unit.row(sa.select(inbox).where(_PARKED, inbox.c.message_id == message_id).with_for_update())
    if row is None:
        raise Refused(NOT_PARKED)
    return row


def _note(unit: Unit, message_id: str, action: str, by: str, reason: str) -> None:
    note = {"id": new_id(), "message_id": message_id, "action": action, "by": by, "reason": reason}
    unit.execute(sa.insert(parked_actions), {**note, "at": unit.now})
