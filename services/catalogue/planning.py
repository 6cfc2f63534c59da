"""What importing a course file would do: read and judged, nothing written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from services.catalogue import tables
from services.catalogue.domain.course_file import MOST_PROBLEMS, CourseRow, read_course_file
from services.catalogue.domain.course_import import (
    Known,
    PlannedCourse,
    course_id_of,
    course_of_row,
    plan_row,
    refusal_of_row,
    twice_continued,
)
from services.catalogue.queries import reference
from services.catalogue.repository import course_of
from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.catalogue import TermOpened


@dataclass(frozen=True, slots=True)
class Plan:
    """The courses of a file, in its order; none of them is carried out where there is a problem."""

    term: TermOpened
    courses: tuple[PlannedCourse, ...]
    problems: tuple[Refusal, ...]

    @property
    def counts(self) -> Counter[str]:
        """How many courses of each outcome."""
        return Counter(planned.outcome for planned in self.courses)


def plan_file(
    connection: sa.Connection, data: bytes, term_id: str, scope: str, *, lock: bool = False
) -> Plan:
    """Raises Refused where the file cannot be read at all, or the term is not known."""
    rows, problems = read_course_file(data)
    return plan_rows(connection, rows, problems, term_id, scope, lock=lock)


def plan_rows(
    connection: sa.Connection,
    rows: Sequence[CourseRow],
    problems: Sequence[Refusal],
    term_id: str,
    scope: str,
    *,
    lock: bool = False,
) -> Plan:
    """`lock` holds the term until the transaction ends, so that two imports take turns."""
    term = _term(connection, term_id, lock)
    courses = tables.courses
    ids = [course_id_of(term_id, row.course_key) for row in rows]
    present = {
        row.course_id: row
        for row in connection.execute(sa.select(courses).where(courses.c.course_id.in_(ids)))
    }
    before = reference.term_before(connection, term)
    known = Known(
        term=term,
        municipalities=reference.municipalities(connection),
        rule_books=reference.rule_books(connection),
        art_forms=frozenset(reference.art_forms(connection)),
        hosts={row.course_key: row.municipality_code for row in present.values()},
        before=before,
        hosts_before=reference.hosts_in(connection, before.term_id) if before else {},
        continued=reference.continued_in(connection, term_id),
    )
    refused = [*problems, *filter(None, (refusal_of_row(row, known, scope) for row in rows))]
    refused = refused or twice_continued(rows, known)
    if refused:
        refused.sort(key=lambda refusal: int(refusal.facts["row"]))
        return Plan(term, (), tuple(refused[:MOST_PROBLEMS]))
    planned = []
    for row, course_id in zip(rows, ids, strict=True):
        found = present.get(course_id)
        planned.append(
            plan_row(
                row,
                course_of_row(row, known),
                course_of(found) if found is not None else None,
                found is not None and found.cancelled_at is not None,
            )
        )
    return Plan(term, tuple(planned), ())


def _term(connection: sa.Connection, term_id: str, lock: bool) -> TermOpened:
    term = reference.terms(connection).get(term_id)
    if term is None:
        raise Refused(
            Refusal(
                "term_unknown",
                N_("There is no term %(term)s in the catalogue."),
                {"term": term_id[:40]},
                status=404,
            )
        )
    if lock:
        mine = tables.terms.c.term_id == term_id
        connection.execute(sa.select(tables.terms.c.term_id).where(mine).with_for_update())
    return term
