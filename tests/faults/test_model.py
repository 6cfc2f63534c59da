"""Whatever happens in whatever order, enrolment is what the simple model says, and every reader follows."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import hypothesis.strategies as st
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from services.billing.copy_tables import places
from services.catalogue import commands as catalogue_commands
from services.catalogue.domain.course_file import CourseRow
from services.catalogue.tables import course_seats
from services.chassis.ids import derived_id
from services.chassis.messaging.catch_up import CatchUp
from services.chassis.refusals import Refused
from services.chassis.storage.tables import inbox
from services.chassis.storage.unit import Unit
from services.contracts.envelope import Envelope, parse_envelope
from services.contracts.fact import LocalText
from services.contracts.registry import FACTS, SERVICES, publisher_of, readers_of
from services.enrolment import commands
from services.enrolment.admission import decide_applications
from services.enrolment.commands import NewPupil
from services.enrolment.domain.requests import ApplicationRequest, Outcome
from services.enrolment.seat_news import say_seats
from services.enrolment.tables import applications, courses
from services.notifications.tables import messages
from tests.enrolment.story import CATALOGUE, NORRBY, NORRBYS_RULES, TERM, number
from tests.faults import truth
from tests.faults.model import Course, Model
from tests.faults.pipeline import PUBLISHERS, Crash, Pipeline

SEATS = {"fiddle": 2, "choir": 1}
COURSES = {derived_id("course", TERM.term_id, key): key for key in SEATS}
PUPILS = tuple(f"pupil-{n}" for n in range(6))
GUARDIAN = "guardian"
BEFORE_COMMIT = "services.chassis.storage.unit:Unit.write_outbox"
BEFORE_PUBLISH = "services.chassis.messaging.broker:Publisher.publish"
BEFORE_MARK = "services.chassis.messaging.relay:Relay._mark_sent"
SELDOM = st.sampled_from([False, False, False, True])
STREAMS_READ = [(source, reader) for source in truth.SOURCES for reader in readers_of(source)]


def course_row(key: str, seats: int) -> CourseRow:
    return CourseRow(
        number=1,
        course_key=key,
        municipality_code=NORRBY,
        rule_book_id=NORRBYS_RULES.rule_book_id,
        title=LocalText("Kurs", "Course"),
        description=LocalText("En kurs.", "A course."),
        art_form=key,  # one queue date a subject: courses of one would not be independent
        fee_kind="instrument",
        weekday=1,
        starts_at="16:30",
        minutes=60,
        room="Sal 1",
        min_age=8,
        max_age=12,
        capacity=seats,
        shared=True,
    )


def publish(unit: Unit, key: str, seats: int) -> None:
    catalogue_commands.publish_course(unit, course_row(key, seats), TERM.term_id, NORRBY)


@cache
def template() -> Path:
    """Databases in which everybody has heard of the courses and the families; copied for each example."""
    folder = Path(tempfile.mkdtemp(prefix="samklang-model-"))
    pipeline = Pipeline(folder)
    with pipeline.storages["catalogue"].unit() as unit:
        catalogue_commands.register_municipality(unit, CATALOGUE[0])  # type: ignore[arg-type]
        catalogue_commands.publish_rule_book(unit, NORRBYS_RULES)
        for position, key in enumerate(SEATS, start=1):
            catalogue_commands.describe_art_form(unit, key, position, LocalText(key, key))
        catalogue_commands.open_term(unit, TERM)
        for key, seats in SEATS.items():
            publish(unit, key, seats)
    pipeline.settle()
    with pipeline.storages["enrolment"].unit() as unit:
        commands.register_guardian(unit, GUARDIAN, "A guardian", NORRBY, None)
        for n, pupil in enumerate(PUPILS):
            born = number(date(2017, 6, 1), 240 + n)
            commands.register_pupil(unit, NewPupil(pupil, born, "A", "Pupil", NORRBY, GUARDIAN), "test")
    pipeline.settle()
    pipeline.close()
    return folder


class Samklang(RuleBasedStateMachine):
    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path(tempfile.mkdtemp(prefix="samklang-model-"))
        self.pipeline = Pipeline(self._folder, template())
        self.model = Model({course_id: Course(SEATS[key]) for course_id, key in COURSES.items()})
        self._published = max(e.sequence for e in self._handled("enrolment", "catalogue"))
        self._count = 0

    def teardown(self) -> None:
        try:
            self.pipeline.settle()
            self._follow_the_school()
            self.as_the_model_says()
            assert truth.findings(self.pipeline.storages) == []
        finally:
            self.pipeline.close()
            shutil.rmtree(self._folder)

    # ------------------------------------------------------------ what people do

    @contextmanager
    def _unit(self, dies: bool) -> Iterator[Unit]:
        """A command's unit; where it dies just before the commit, it raises Crash."""
        self.pipeline.clock.time += timedelta(seconds=1)
        with self.pipeline.storages["enrolment"].unit() as unit:
            yield unit
            if dies:
                raise Crash

    @rule(target=made, course=st.sampled_from(list(COURSES)), pupil=st.sampled_from(PUPILS), dies=SELDOM)
    def apply(self, course: str, pupil: str, dies: bool) -> str:
        self._count += 1
        request = ApplicationRequest(f"application-{self._count}", course, pupil, GUARDIAN, "test")
        try:
            with self._unit(dies) as unit:
                [answer] = decide_applications(unit, [request])
        except Crash:
            self.pipeline.restart("enrolment")
            return request.application_id  # which does not exist: who asks for it is told so
        assert isinstance(answer, Outcome)
        there = self.model.apply(request.application_id, course, pupil)
        assert (answer.application_id, answer.state) == (there, self.model.states[there])
        assert answer.already == (there != request.application_id)
        if answer.state == "queued":
            assert answer.position == 1 + self.model.courses[course].queue.index(there)
        return there

    @rule(application=made, dies=SELDOM)
    def accept(self, application: str, dies: bool) -> None:
        try:
            with self._unit(dies) as unit:
                commands.accept_offer(unit, application, "test")
        except Refused:
            assert application not in self.model.states or not self.model.accept(application)
        except Crash:
            self.pipeline.restart("enrolment")
        else:
            assert self.model.accept(application)

    @rule(application=made, dies=SELDOM)
    def withdraw(self, application: str, dies: bool) -> None:
        try:
            with self._unit(dies) as unit:
                commands.withdraw(unit, application, "test")
        except Refused:
            assert application not in self.model.states or not self.model.withdraw(application)
        except Crash:
            self.pipeline.restart("enrolment")
        else:
            assert self.model.withdraw(application)

    @rule(dies=SELDOM)
    def say_seats(self, dies: bool) -> None:
        try:
            with self._unit(dies) as unit:
                say_seats(unit, 10_000)
        except Crash:
            self.pipeline.restart("enrolment")

    @rule(course=st.sampled_from(list(COURSES)), seats=st.integers(1, 4))
    def the_school_has_other_seats(self, course: str, seats: int) -> None:
        with self.pipeline.storages["catalogue"].unit() as unit:
            publish(unit, COURSES[course], seats)

    # ------------------------------------------------------------ what facts go through

    @rule(service=st.sampled_from(PUBLISHERS), dies_at=st.sampled_from([None, BEFORE_PUBLISH, BEFORE_MARK]))
    def relay(self, service: str, dies_at: str | None) -> None:
        self.pipeline.relay(service, dies_at)

    @rule(
        reader=st.sampled_from(SERVICES),
        most=st.integers(1, 20),
        dice=st.randoms(use_true_random=False),
        dies_at=st.sampled_from([None, None, BEFORE_COMMIT]),
        acked=st.booleans(),
    )
    def deliver(self, reader: str, most: int, dice: random.Random, dies_at: str | None, acked: bool) -> None:
        self.pipeline.deliver(reader, most, dice, dies_at, acked)

    @rule(service=st.sampled_from(SERVICES), dies_after=st.none() | st.integers(0, 3))
    def work(self, service: str, dies_after: int | None) -> None:
        self.pipeline.work(service, dies_after)
        self._follow_the_school()

    @rule(reader=st.sampled_from(SERVICES), most=st.integers(1, 6), dice=st.randoms(use_true_random=False))
    def some_facts_come_through(self, reader: str, most: int, dice: random.Random) -> None:
        """What mostly happens, so that it often does here: a part of what was said is handled."""
        for publisher in PUBLISHERS:
            self.pipeline.relay(publisher)
        self.pipeline.deliver(reader, most, dice)
        self.work(reader, None)

    @rule()
    def announce(self) -> None:
        self.pipeline.announce()

    @rule()
    def lose_the_broker(self) -> None:
        self.pipeline.lose_broker()

    @rule(stream=st.sampled_from(STREAMS_READ))
    def send_everything_again(self, stream: tuple[str, str]) -> None:
        source, reader = stream
        publisher = publisher_of(source)
        storage = self.pipeline.storages[publisher]
        CatchUp(publisher, storage, self.pipeline.broker).resend_all(source, reader, 0)

    @rule(service=st.sampled_from(SERVICES))
    def restart(self, service: str) -> None:
        self.pipeline.restart(service)

    # ------------------------------------------------------------ what must hold after every step

    def _handled(self, reader: str, source: str) -> list[Envelope]:
        """The facts whose effects the reader has, in order."""
        with self.pipeline.storages[reader].reading() as connection:
            bodies = connection.scalars(
                sa.select(inbox.c.body)
                .where(inbox.c.source == source, inbox.c.handled_at.is_not(None))
                .order_by(inbox.c.sequence)
            ).all()
        return [parse_envelope(body) for body in bodies]

    def _follow_the_school(self) -> None:
        """The model hears of a changed course when enrolment has handled it."""
        for envelope in self._handled("enrolment", "catalogue"):
            if envelope.sequence == self._published + 1:
                self._published += 1
                self.model.publish(envelope.data["course_id"], envelope.data["capacity"])

    @invariant()
    def as_the_model_says(self) -> None:
        with self.pipeline.storages["enrolment"].reading() as connection:
            seats = {
                row.course_id: (row.capacity, row.taken, row.waiting)
                for row in connection.execute(sa.select(courses))
            }
            states = {row.application_id: row.state for row in connection.execute(sa.select(applications))}
        assert states == self.model.states
        assert seats == {
            id_: (course.capacity, course.taken, len(course.queue))
            for id_, course in self.model.courses.items()
        }

    @invariant()
    def readers_have_the_effects_of_what_they_handled(self) -> None:
        storages = self.pipeline.storages
        last = {
            e.subject: (e.data["capacity"], e.data["taken"], e.data["waiting"])
            for e in self._handled("catalogue", "enrolment")
            if FACTS[e.type].NAME == "course_seats_changed"
        }
        given = {
            e.subject for e in self._handled("billing", "enrolment") if FACTS[e.type].NAME == "place_given"
        }
        told = Counter(
            e.id for e in self._handled("notifications", "enrolment") if FACTS[e.type].NAME in truth.TOLD
        )
        with storages["catalogue"].reading() as connection:
            rows = connection.execute(sa.select(course_seats))
            assert {row.course_id: (row.capacity, row.taken, row.waiting) for row in rows} == last
        with storages["billing"].reading() as connection:
            assert set(connection.scalars(sa.select(places.c.application_id))) == given
        with storages["notifications"].reading() as connection:
            assert Counter(connection.scalars(sa.select(messages.c.cause_id))) == told


COMMON = settings(deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)


def test_the_pipeline_is_what_the_model_says() -> None:
    run_state_machine_as_test(Samklang, settings=settings(COMMON, max_examples=10, stateful_step_count=30))


@pytest.mark.long
def test_the_pipeline_is_what_the_model_says_for_long() -> None:
    run_state_machine_as_test(Samklang, settings=settings(COMMON, max_examples=200, stateful_step_count=80))
