"""What several pages of the catalogue show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from services.catalogue.queries.courses import CourseView
from services.catalogue.speaking import art_sign
from services.chassis.web.context import Context
from services.contracts.catalogue import MunicipalityRegistered


@dataclass(frozen=True, slots=True)
class Card:
    """A course on a list. `is_open` says whether it is open to the chosen municipality; None: none chosen."""

    view: CourseView
    sign: str
    is_open: bool | None = None


def cards(found: Iterable[CourseView], closed: frozenset[str] | None = None) -> list[Card]:
    """`closed` are the ids of the courses that the chosen home municipality's pupils may not take."""
    return [
        Card(
            view,
            art_sign(view.course.art_form),
            None if closed is None else view.course.course_id not in closed,
        )
        for view in found
    ]


def municipality_options(
    municipalities: dict[str, MunicipalityRegistered], *, with_school: bool = False
) -> list[tuple[str, str]]:
    return [
        (code, each.name)
        for code, each in municipalities.items()
        if each.school_name is not None or not with_school
    ]


def home_of_visitor(context: Context) -> str | None:
    """Where a signed-in family lives: it need not say so again."""
    actor: Any = context.actor
    return actor.municipality if actor is not None and actor.role in ("guardian", "pupil") else None
