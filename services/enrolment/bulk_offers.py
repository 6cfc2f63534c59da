"""Staff offer free seats, of one course or of several: a preview first, and then exactly what it showed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit
from services.enrolment import repository, seats
from services.enrolment.offering import Plan, plan_offers
from services.enrolment.tables import bulk_offers

QUEUE_CHANGED = Refusal(
    "queue_changed",
    N_(
        "The queue or the seats have changed since you looked, so nothing was offered. "
        "Look at the new list and confirm that one."
    ),
)
NOTHING_TO_OFFER = Refusal(
    "nothing_to_offer", N_("There is no free seat that anybody who waits may have now.")
)
BULK_ID_TAKEN = Refusal(
    "bulk_id_taken", N_("This id belongs to other offers that were made. Reload the page and try again.")
)


@dataclass(frozen=True, slots=True)
class BulkOffer:
    """What was previewed: `digest` names who would be offered a seat, see `digest_of`.

    `most` is how many seats of each course, None for all that are free. The caller makes `bulk_id`.
    """

    bulk_id: str
    course_ids: Collection[str]
    most: int | None
    digest: str


def digest_of(plans: Mapping[str, Plan]) -> str:
    """The same for the same offers in the same order, and for nothing else."""
    offered = [[course_id, plan.choice.offered] for course_id, plan in sorted(plans.items())]
    return hashlib.sha256(json.dumps(offered).encode()).hexdigest()


def limits_of(course_ids: Collection[str], most: int | None) -> dict[str, int] | None:
    return None if most is None else dict.fromkeys(course_ids, most)


def offer_previewed(unit: Unit, bulk: BulkOffer, by: str) -> int:
    """Offer the seats as they were previewed; how many. The same once more changes nothing.

    Raises Refused where the queue would give them to others now.
    """
    values = {"digest": bulk.digest, "offered": 0, "offered_by": by, "offered_at": unit.now}
    added = unit.execute(insert_ignoring(unit.connection, bulk_offers).values(bulk_id=bulk.bulk_id, **values))
    if added.rowcount == 0:
        return _offered_before(unit, bulk)
    courses = repository.lock_courses(unit, bulk.course_ids)
    open_courses = {key: course for key, course in courses.items() if not course.terms.cancelled}
    most = limits_of(bulk.course_ids, bulk.most)
    plans = plan_offers(unit.connection, open_courses, unit.today, most, lock=True)
    if digest_of(plans) != bulk.digest:
        raise Refused(QUEUE_CHANGED)
    offered = sum(len(plan.choice.offered) for plan in plans.values())
    if offered == 0:
        raise Refused(NOTHING_TO_OFFER)
    for plan in plans.values():
        if plan.choice.offered:
            seats.hold_seats(unit, plan.course, plan.choice, by, "staff offered the free seats")
            repository.save_seats(unit, [plan.course])
    mine = bulk_offers.c.bulk_id == bulk.bulk_id
    unit.execute(sa.update(bulk_offers).where(mine).values(offered=offered))
    return offered


def _offered_before(unit: Unit, bulk: BulkOffer) -> int:
    row = unit.row(sa.select(bulk_offers).where(bulk_offers.c.bulk_id == bulk.bulk_id))
    if row is None or row.digest != bulk.digest:
        raise Refused(BULK_ID_TAKEN)
    return int(row.offered)
