"""One function per foreign fact: what catalogue does when another service says that something happened."""

from __future__ import annotations

from services.catalogue.tables import course_seats
from services.chassis.messaging.worker import Reactions
from services.chassis.storage.unit import Unit
from services.contracts.enrolment import CourseSeatsChanged


def on_course_seats_changed(unit: Unit, fact: CourseSeatsChanged) -> None:
    """Keep how full the course is. The facts of a course come in order, so the last one stands."""
    seats = {"capacity": fact.capacity, "taken": fact.taken, "waiting": fact.waiting}
    unit.keep(course_seats, {"course_id": fact.course_id, **seats})


REACTIONS: Reactions = {CourseSeatsChanged: on_course_seats_changed}
