"""Guardians and pupils: who is who, and what nobody else learns of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import eventlet
import pytest

from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.contracts.enrolment import ContactRegistered, PupilNamed
from services.enrolment import commands, queries
from services.enrolment.commands import Contact, NewPupil
from services.enrolment.tables import guardians, guardianships, pupils
from tests.enrolment.commands.doing import EVERYTHING, NEW, do, guardians_of, pupil_row, refused, register
from tests.enrolment.conftest import both
from tests.enrolment.story import (
    ALMA,
    CLOVER,
    MARIA,
    NORRBY,
    NOW,
    SAMIRA,
    SODERBY,
    coordination_number,
    count,
    facts,
    number,
)


class TestGuardians:
    def test_a_guardian_and_how_to_reach_it(self, storage: Storage) -> None:
        do(storage, commands.register_guardian, "eva", "Eva Ek", NORRBY, Contact("eva@example.se", "en"))
        assert facts(storage, ContactRegistered)[-1] == ContactRegistered(
            "eva", "Eva Ek", "eva@example.se", "en", "guardian", NORRBY
        )

    def test_the_same_again_changes_nothing(self, storage: Storage) -> None:
        before = count(storage, outbox)
        contact = Contact("maria@example.se", "sv")
        do(storage, commands.register_guardian, MARIA, "Maria Hellström", NORRBY, contact)
        assert count(storage, outbox) == before

    def test_who_moves_or_marries_is_told_anew(self, storage: Storage) -> None:
        do(storage, commands.register_guardian, MARIA, "Maria Ek", SODERBY, Contact(None, "sv"))
        fact = facts(storage, ContactRegistered)[-1]
        assert (fact.person_id, fact.name, fact.municipality_code) == (MARIA, "Maria Ek", SODERBY)
        assert count(storage, guardians) == 3

    def test_of_a_protected_guardian_nobody_else_is_told(self, storage: Storage) -> None:
        before = count(storage, outbox)
        do(storage, commands.register_guardian, "eva", "Eva Ek", NORRBY, None)
        do(storage, commands.register_guardian, "eva", "Eva Alm", NORRBY, None)
        assert count(storage, outbox) == before

    def test_a_colleague_can_be_reached_and_is_no_guardian(self, storage: Storage) -> None:
        do(
            storage,
            commands.register_contact,
            "jonas",
            "Jonas",
            NORRBY,
            Contact("j@example.se", "sv", "staff"),
        )
        assert facts(storage, ContactRegistered)[-1].role == "staff"
        assert count(storage, guardians) == 3


class TestPupils:
    def test_a_pupil_with_its_guardian(self, storage: Storage) -> None:
        register(storage, NEW)
        row = pupil_row(storage, "new")
        assert (row.personal_identity, row.given_name, row.family_name) == (
            NEW.personal_identity,
            "Ny",
            "Elev",
        )
        assert (row.born_on, row.home_municipality, row.protected, row.alias) == (
            date(2018, 1, 2),
            NORRBY,
            False,
            None,
        )
        assert (row.registered_by, row.registered_at) == ("a test", NOW)
        assert guardians_of(storage, "new") == {MARIA}
        assert facts(storage, PupilNamed)[-1] == PupilNamed("new", "Ny")

    @pytest.mark.parametrize("spelling", ["20180102-{}", " 20180102{} ", "180102-{}", "180102{}"])
    def test_every_usual_spelling_is_the_same_number(self, storage: Storage, spelling: str) -> None:
        register(storage, replace(NEW, personal_identity=spelling.format(NEW.personal_identity[8:])))
        assert pupil_row(storage, "new").personal_identity == NEW.personal_identity

    def test_who_is_over_a_hundred_has_a_plus(self, storage: Storage) -> None:
        twelve = number(date(1917, 3, 14))
        register(storage, replace(NEW, personal_identity=f"170314+{twelve[8:]}"))
        assert pupil_row(storage, "new").born_on == date(1917, 3, 14)

    def test_a_coordination_number_is_as_good(self, storage: Storage) -> None:
        twelve = coordination_number(date(2018, 1, 2))
        assert twelve[6:8] == "62"
        register(storage, replace(NEW, personal_identity=twelve))
        row = pupil_row(storage, "new")
        assert (row.personal_identity, row.born_on) == (twelve, date(2018, 1, 2))

    def test_a_number_may_be_of_today_and_of_no_later_day(self, storage: Storage) -> None:
        register(storage, replace(NEW, personal_identity=number(date(2026, 11, 24))))
        later = replace(NEW, pupil_id="later", personal_identity=number(date(2026, 11, 25)))
        assert refused(storage, commands.register_pupil, later, "x").name == "personal_identity_invalid"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "not a number",
            "20180102",
            "201801022380",
            f"{NEW.personal_identity[:-1]}{(int(NEW.personal_identity[-1]) + 1) % 10}",
            "20180230-2384",
            "20181302-2387",
            coordination_number(date(2018, 1, 31)).replace("20180191", "20180192"),
            "２０１８０１０２２３８４",
            "20180102\x002384",
            "9" * 20,
            "\ud800",
        ],
    )
    def test_what_is_no_number_is_refused(self, storage: Storage, text: str) -> None:
        broken = replace(NEW, personal_identity=text)
        refusal = refused(storage, commands.register_pupil, broken, "a test")
        assert (refusal.name, refusal.status) == ("personal_identity_invalid", 422)
        assert text == "" or text not in refusal.reason % refusal.facts

    def test_the_same_pupil_again_changes_nothing(self, storage: Storage) -> None:
        register(storage, NEW)
        before = [count(storage, table) for table in EVERYTHING]
        register(storage, NEW)
        register(storage, replace(NEW, guardian_id=None))
        assert [count(storage, table) for table in EVERYTHING] == before

    @both
    def test_two_clicks_at_once_are_one_pupil(self, storage: Storage) -> None:
        pool = eventlet.GreenPool(8)
        for _ in pool.imap(lambda _: register(storage, NEW), range(8)):
            pass
        assert count(storage, pupils) == 7
        assert guardians_of(storage, "new") == {MARIA}
        assert [fact.pupil_id for fact in facts(storage, PupilNamed)].count("new") == 1

    @both
    def test_two_guardians_at_once_are_one_pupil_and_a_refusal(self, storage: Storage) -> None:
        def one(n: int) -> str:
            try:
                register(storage, replace(NEW, pupil_id=f"n{n}", guardian_id=(MARIA, SAMIRA)[n]))
            except Refused as refused:
                return refused.refusal.name
            return "registered"

        answers = list(eventlet.GreenPool(2).imap(one, range(2)))
        assert sorted(answers) == ["personal_identity_known", "registered"]
        assert (count(storage, pupils), count(storage, guardianships)) == (7, 5)

    @pytest.mark.parametrize("pupil_id", ["new", "alma"])
    @pytest.mark.parametrize("known", [ALMA, CLOVER], ids=["open", "protected"])
    def test_anothers_number_tells_nothing_but_that_it_is_known(
        self, storage: Storage, known: NewPupil, pupil_id: str
    ) -> None:
        """The same words whoever it is and whatever else was guessed right."""
        guessed = replace(
            known, pupil_id=pupil_id, given_name="Guessed", guardian_id=SAMIRA, home_municipality=SODERBY
        )
        for attempt in (guessed, replace(guessed, pupil_id=known.pupil_id, alias="x")):
            refusal = refused(storage, commands.register_pupil, attempt, "a test")
            assert refusal is commands.PERSONAL_IDENTITY_KNOWN
            assert refusal.facts == {}
        assert guardians_of(storage, known.pupil_id) == ({MARIA} if known is ALMA else set())
        with storage.reading() as connection:
            assert [pupil.pupil_id for pupil in queries.pupils_of(connection, SAMIRA)] == ["noor"]

    def test_an_id_of_another_pupil_is_refused(self, storage: Storage) -> None:
        refusal = refused(storage, commands.register_pupil, replace(NEW, pupil_id="noor"), "a test")
        assert refusal.name == "pupil_id_taken"

    def test_who_is_no_guardian_learns_nothing_of_a_number(self, storage: Storage) -> None:
        for pupil in (NEW, ALMA):
            attempt = replace(pupil, guardian_id="stranger")
            refusal = refused(storage, commands.register_pupil, attempt, "a test")
            assert refusal.name == "guardian_unknown"

    def test_one_lives_in_the_county(self, storage: Storage) -> None:
        moved = replace(NEW, home_municipality="0180")
        assert refused(storage, commands.register_pupil, moved, "x").name == "municipality_unknown"

    def test_of_a_protected_pupil_nothing_is_published(self, storage: Storage) -> None:
        before = count(storage, outbox)
        register(storage, replace(NEW, alias="Björken", guardian_id=None))
        row = pupil_row(storage, "new")
        assert (row.protected, row.alias) == (True, "Björken")
        assert count(storage, outbox) == before
