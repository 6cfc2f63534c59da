"""Applications on paper and by phone, with their true date, also of protected pupils."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from services.chassis.clock import FixedClock
from services.chassis.storage.engine import Storage
from services.contracts.enrolment import ApplicationQueued, PlaceGiven
from services.enrolment import commands, queries
from services.enrolment.commands import EnteredApplication, NewPupil
from services.enrolment.domain.requests import Outcome
from services.enrolment.tables import applications, pupils
from tests.enrolment.commands.doing import NEW, do, pupil_row, refused
from tests.enrolment.story import (
    ALMA,
    CLOVER,
    MARIA,
    NOOR,
    NOW,
    SODERBY,
    TERM,
    TODAY,
    children,
    count,
    decide,
    facts,
    names,
    number,
    request,
    states,
    tell,
)


class TestEntering:
    TUESDAY = datetime(2026, 11, 3, 22, 59, 59, tzinfo=UTC)

    def entered(self, pupil: NewPupil, application_id: str = "p1", course_id: str = "fiddle") -> Any:
        return EnteredApplication(application_id, course_id, pupil, self.TUESDAY, "on paper")

    def enter(self, storage: Storage, *arguments: Any) -> Outcome:
        outcome: Outcome = do(storage, commands.enter_application, self.entered(*arguments), "staff:1901:J")
        return outcome

    def test_a_new_pupil_and_its_application(self, storage: Storage) -> None:
        outcome = self.enter(
            storage, replace(NEW, personal_identity=number(date(2017, 1, 2)), guardian_id=None)
        )
        assert (outcome.state, outcome.pupil_id, outcome.already) == ("placed", "new", False)
        with storage.reading() as connection:
            application = queries.application(connection, "p1", TODAY)
        assert application is not None
        assert (application.queued_at, application.decided_at) == (self.TUESDAY, NOW)
        with storage.reading() as connection:
            assert connection.scalar(sa.select(applications.c.applied_by)) == "staff:1901:J"

    def test_the_true_date_counts_in_the_queue(self, storage: Storage) -> None:
        ids = children(storage, 3)
        decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(ids)))
        outcome = self.enter(storage, replace(ALMA, guardian_id=None))
        assert (outcome.state, outcome.position) == ("queued", 1)
        assert facts(storage, ApplicationQueued)[-1].queued_at == self.TUESDAY

    def test_a_known_pupil_is_found_by_its_number(self, storage: Storage) -> None:
        """Whatever the form's fresh id and spelling of the name: the child is there, with its guardian."""
        again = replace(ALMA, pupil_id="new", given_name="A.", guardian_id=None)
        assert self.enter(storage, again).pupil_id == "alma"
        assert (count(storage, pupils), pupil_row(storage, "alma").given_name) == (6, "Alma")
        assert facts(storage, PlaceGiven)[-1].guardian_id == MARIA

    def test_entering_twice_is_entering_once(self, storage: Storage) -> None:
        first = self.enter(
            storage, replace(NEW, guardian_id=None, personal_identity=number(date(2017, 1, 2)))
        )
        second = self.enter(
            storage, replace(NEW, guardian_id=None, personal_identity=number(date(2017, 1, 2)))
        )
        assert second == replace(first, already=True)
        assert (count(storage, pupils), count(storage, applications)) == (7, 1)

    @pytest.mark.parametrize(
        ("pupil", "course_id", "name"),
        [
            (
                replace(NEW, personal_identity="nonsense", guardian_id=None),
                "fiddle",
                "personal_identity_invalid",
            ),
            (
                replace(NEW, personal_identity=number(date(2010, 1, 2)), guardian_id=None),
                "fiddle",
                "pupil_too_old",
            ),
            (replace(NEW, home_municipality=SODERBY, guardian_id=None), "dance", "course_not_shared"),
            (replace(NEW, home_municipality="0180", guardian_id=None), "fiddle", "municipality_unknown"),
            (replace(NEW, guardian_id=None), "no-such-course", "course_unknown"),
            (replace(NEW, pupil_id="noor", guardian_id=None), "fiddle", "pupil_id_taken"),
        ],
    )
    def test_a_refusal_leaves_no_pupil_behind(
        self, storage: Storage, pupil: NewPupil, course_id: str, name: str
    ) -> None:
        asked = self.entered(pupil, "p1", course_id)
        assert refused(storage, commands.enter_application, asked, "staff").name == name

    @pytest.mark.parametrize(
        "queued_at",
        [
            NOW + timedelta(seconds=1),
            NOW - timedelta(days=366, seconds=1),
            datetime(1, 1, 1, tzinfo=UTC),
            datetime(9999, 12, 31, tzinfo=UTC),
        ],
    )
    def test_a_day_that_cannot_be_is_refused(self, storage: Storage, queued_at: datetime) -> None:
        asked = replace(self.entered(replace(ALMA, guardian_id=None)), queued_at=queued_at)
        refusal = refused(storage, commands.enter_application, asked, "staff")
        assert (refusal.name, refusal.status) == ("came_on_impossible", 422)

    @pytest.mark.parametrize("queued_at", [NOW, NOW - timedelta(days=366)])
    def test_where_one_applies_all_year_it_may_have_come_within_a_year(
        self, storage: Storage, queued_at: datetime
    ) -> None:
        tell(storage, replace(TERM, apply_from=None, apply_until=None))
        asked = replace(self.entered(replace(ALMA, guardian_id=None)), queued_at=queued_at)
        assert do(storage, commands.enter_application, asked, "staff").state == "placed"

    def test_what_came_in_time_is_in_time(self, storage: Storage, clock: FixedClock) -> None:
        """In Sweden's days: just before midnight of the last one, entered weeks later."""
        last = datetime(2026, 12, 15, 22, 59, 59, tzinfo=UTC)
        clock.time = last + timedelta(days=20)
        late = replace(self.entered(replace(ALMA, guardian_id=None)), queued_at=last + timedelta(seconds=1))
        assert refused(storage, commands.enter_application, late, "x").name == "application_period_closed"
        assert names(decide(storage, request("a1"))) == ["application_period_closed"]
        do(storage, commands.enter_application, replace(late, queued_at=last), "staff")
        assert states(storage) == {"p1": "placed"}

    def test_a_protected_pupil_is_known_by_its_alias_alone(self, storage: Storage) -> None:
        before = len(facts(storage))
        pupil = replace(
            NEW, guardian_id=None, home_municipality=SODERBY, alias="Eken",
            personal_identity=number(date(2017, 1, 2)),
        )  # fmt: skip
        assert self.enter(storage, pupil).state == "placed"
        told = facts(storage)
        assert len(told) == before + 1  # the place; no name, no contact
        (place,) = facts(storage, PlaceGiven)
        assert (place.guardian_id, place.home_municipality) == (None, None)
        with storage.reading() as connection:
            (shown,) = queries.participants(connection, "fiddle", TODAY)
        assert (shown.pupil.name, shown.pupil.given_name) == ("Eken", "Eken")

    def test_an_open_pupil_is_not_protected_in_passing(self, storage: Storage) -> None:
        """Its name has been published: an alias now would only look like protection."""
        asked = self.entered(replace(NOOR, guardian_id=None, alias="Eken"))
        assert refused(storage, commands.enter_application, asked, "staff").name == "pupil_not_protected"

    def test_a_protected_pupil_stays_protected(self, storage: Storage) -> None:
        """Also where the box was forgotten the next time."""
        self.enter(storage, replace(CLOVER, pupil_id="new", alias=None, given_name="Hemlig"))
        with storage.reading() as connection:
            (shown,) = queries.participants(connection, "fiddle", TODAY)
        assert (shown.pupil.name, shown.pupil.protected) == ("Klöver", True)
        assert "Hemlig" not in str(facts(storage))
