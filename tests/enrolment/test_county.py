"""Loading a county's families and their applications, small and known by heart, and the real one once."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given
from hypothesis import strategies as st

from services.catalogue import county as catalogue_county
from services.chassis.clock import FixedClock, age_on, local_date
from services.chassis.ids import derived_id
from services.chassis.personal_identity import parse_personal_identity
from services.chassis.refusals import Refused
from services.chassis.settings import COUNTY_FOLDER
from services.chassis.storage.engine import Storage
from services.chassis.storage.migrate import migrate
from services.chassis.storage.tables import outbox
from services.contracts.enrolment import ContactRegistered, PlaceGiven, PupilNamed
from services.enrolment import county
from services.enrolment.checks import check
from services.enrolment.queries import Application, applications_of_person
from services.enrolment.reactions import REACTIONS
from services.enrolment.tables import applications, courses, guardians, guardianships, pupils
from tests.enrolment.story import FIDDLE, NORRBY, NOW, SODERBY, TERM, count, facts, seats, states, tell

COURSE = derived_id("course", "vt27", "fiddle")
ADA, BO, CAI, DAG = (derived_id("pupil", key) for key in ("p-ada", "p-bo", "p-cai", "p-dag"))
EVA = derived_id("guardian", "g-eva")

PEOPLE = {
    "guardians.csv": f"""guardian_key,name,municipality_code,email,language
g-eva,Eva Ek,{NORRBY},eva@example.se,en
g-per,Per Alm,{SODERBY},,sv
""",
    "pupils.csv": "pupil_key,guardian_key,given_name,family_name,municipality_code,"
    f"""age,birth_month,birth_day,serial,gender
p-ada,g-eva,Ada,Ek,{NORRBY},9,1,18,238,f
p-bo,g-eva,Bo,Ek,{NORRBY},9,1,19,239,m
p-cai,g-per,Cai,Alm,{SODERBY},12,6,1,238,m
p-dag,,Dag,Dal,{SODERBY},19,6,1,239,m
""",
    "applications.csv": """pupil_key,course_key,days_ago,minute_of_day
p-cai,fiddle,9,600
p-ada,fiddle,8,600
p-bo,fiddle,7,601
p-dag,fiddle,6,602
""",
}
PERSONAS = [
    {"id": "eva", "name": "Eva Ek", "role": "guardian", "municipality_code": NORRBY, "person_key": "g-eva",
     "email": "eva@example.se", "language": "en", "about": {"sv": "a", "en": "a"}},
    {"id": "sam", "name": "Sam Staff", "role": "staff", "municipality_code": NORRBY, "person_key": None,
     "email": "sam@example.se", "language": "sv", "about": {"sv": "a", "en": "a"}},
]  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in PEOPLE.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "personas.yaml").write_text(yaml.safe_dump(PERSONAS), encoding="utf-8")
    return tmp_path


@pytest.fixture
def ready(storage: Storage) -> Storage:
    """The catalogue's course of the files is known."""
    tell(storage, replace(FIDDLE, course_id=COURSE))
    return storage


def everything(storage: Storage) -> list[int]:
    return [count(storage, table) for table in (guardians, pupils, guardianships, applications, outbox)]


def test_families_and_their_applications(ready: Storage, folder: Path) -> None:
    county.load(ready, folder)
    with ready.reading() as connection:
        rows = {row.pupil_id: row for row in connection.execute(sa.select(applications))}
        ada = connection.execute(sa.select(pupils).where(pupils.c.pupil_id == ADA)).one()
        assert check(connection) == []
        assert [each.pupil.name for each in applications_of_person(connection, EVA, local_date(NOW))] == [
            "Ada Ek",
            "Bo Ek",
        ]
    assert {pupil: row.state for pupil, row in rows.items()} == {CAI: "placed", ADA: "placed", BO: "queued"}
    assert rows[BO].queued_at == datetime(2026, 11, 17, 10, 1, tzinfo=UTC)
    assert (rows[BO].applied_by, rows[BO].guardian_id) == ("demo data", EVA)
    assert (ada.given_name, ada.registered_by) == ("Ada", "demo data")
    assert seats(ready, COURSE) == (2, 2, 1)  # and nobody for Dag, who is too old


def test_everybody_can_be_reached_and_is_named(ready: Storage, folder: Path) -> None:
    before = len(facts(ready, ContactRegistered)), len(facts(ready, PupilNamed))
    county.load(ready, folder)
    contacts = facts(ready, ContactRegistered)[before[0] :]
    assert [(each.name, each.email, each.language, each.role) for each in contacts] == [
        ("Eva Ek", "eva@example.se", "en", "guardian"),
        ("Per Alm", None, "sv", "guardian"),
        ("Dag Dal", None, "sv", "pupil"),
        ("Sam Staff", "sam@example.se", "sv", "staff"),
    ]
    assert [each.given_name for each in facts(ready, PupilNamed)[before[1] :]] == ["Ada", "Bo", "Cai", "Dag"]
    assert len(facts(ready, PlaceGiven)) == 2


def test_loading_again_adds_nothing(ready: Storage, folder: Path, clock: FixedClock) -> None:
    # The last application of a file must be one that is decided: by it a load is known to be done.
    text = PEOPLE["applications.csv"].rsplit("p-dag", 1)[0]
    (folder / "applications.csv").write_text(text, encoding="utf-8")
    county.load(ready, folder)
    before = everything(ready), states(ready, COURSE)
    clock.time += timedelta(days=1)
    county.load(ready, folder)
    assert (everything(ready), states(ready, COURSE)) == before


@pytest.mark.parametrize("batch", [1, 2])
def test_a_load_that_was_broken_off_goes_on(
    ready: Storage, folder: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(county, "BATCH", batch)
    decide = county.decide_applications
    calls = []

    def break_off(unit: object, requests: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("the machine went away")
        return decide(unit, requests)  # type: ignore[arg-type]

    monkeypatch.setattr(county, "decide_applications", break_off)
    with pytest.raises(RuntimeError):
        county.load(ready, folder)
    assert count(ready, applications) == batch
    county.load(ready, folder)
    assert sorted(states(ready, COURSE).values()) == ["placed", "placed", "queued"]
    assert len(facts(ready, PlaceGiven)) == 2


def test_the_first_term_that_is_not_over_is_the_one_applied_for(
    ready: Storage, folder: Path, clock: FixedClock
) -> None:
    """To a later one places are carried over. Its children are those of before, with their numbers."""
    county.load(ready, folder)
    later = replace(
        TERM, term_id="ht27", starts_on=date(2027, 8, 20), ends_on=date(2027, 12, 20),
        apply_from=None, apply_until=None,
    )  # fmt: skip
    course = derived_id("course", "ht27", "fiddle")
    tell(ready, later, replace(FIDDLE, course_id=course, term_id="ht27"))
    before = count(ready, pupils)
    county.load(ready, folder)
    assert states(ready, course) == {}
    clock.time = datetime(2027, 6, 10, 9, 0, tzinfo=UTC)
    county.load(ready, folder)
    assert count(ready, pupils) == before
    assert sorted(states(ready, course).values()) == ["placed", "placed"]  # Cai is thirteen by then


def test_without_the_catalogues_facts_nothing_is_loaded(ready: Storage, folder: Path) -> None:
    with ready.unit() as unit:
        unit.connection.exec_driver_sql("DELETE FROM terms")
    before = everything(ready)
    with pytest.raises(sa.exc.NoResultFound):
        county.load(ready, folder)
    assert everything(ready) == before


def test_a_pupil_of_nowhere_keeps_all_out(ready: Storage, folder: Path) -> None:
    broken = PEOPLE["pupils.csv"].replace(f"Cai,Alm,{SODERBY}", "Cai,Alm,9999")
    (folder / "pupils.csv").write_text(broken, encoding="utf-8")
    before = everything(ready)
    with pytest.raises(Refused) as caught:
        county.load(ready, folder)
    assert caught.value.refusal.name == "municipality_unknown"
    assert everything(ready) == before


@given(
    st.integers(0, 90),
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(1, 999),
    st.dates(date(2020, 1, 1), date(2040, 1, 1)),
)
def test_a_test_number_is_right_and_of_its_age(
    age: int, month: int, day: int, serial: int, starts_on: date
) -> None:
    row = {"age": str(age), "birth_month": str(month), "birth_day": str(day), "serial": f"{serial:03d}"}
    identity = parse_personal_identity(county._test_number(row, starts_on), starts_on)
    assert age_on(identity.born_on, starts_on) == age
    assert (identity.born_on.month, identity.born_on.day) == (month, day)
    assert not identity.is_coordination_number


@pytest.fixture(scope="module")
def vastmanland(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    """The real county: what its catalogue says, and its families."""
    folder = tmp_path_factory.mktemp("vastmanland")
    clock = FixedClock(NOW)
    said, storage = (Storage(f"sqlite:///{folder}/{name}.db", clock) for name in ("catalogue", "enrolment"))
    migrate(said, "catalogue")
    migrate(storage, "enrolment")
    catalogue_county.load(said, COUNTY_FOLDER)
    with storage.unit() as unit:
        for fact in facts(said):
            REACTIONS[type(fact)](unit, fact)
    county.load(storage, COUNTY_FOLDER)
    yield storage
    said.close()
    storage.close()


class TestVastmanland:
    def rows(self, name: str) -> list[dict[str, str]]:
        with (COUNTY_FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as handle:
            return list(csv.DictReader(handle))

    def of_person(self, storage: Storage, person: str) -> dict[str, Application]:
        with storage.reading() as connection:
            found = applications_of_person(connection, person, local_date(NOW))
        return {f"{each.pupil.given_name} {each.course.title.sv}": each for each in found}

    def test_everybody_is_there_and_everything_holds(self, vastmanland: Storage) -> None:
        assert count(vastmanland, guardians) == len(self.rows("guardians"))
        assert count(vastmanland, pupils) == len(self.rows("pupils"))
        assert count(vastmanland, courses) == len(self.rows("courses"))
        assert count(vastmanland, applications) == len(self.rows("applications"))  # none was refused
        with vastmanland.reading() as connection:
            assert check(connection) == []

    def test_the_ages_are_those_of_the_file(self, vastmanland: Storage) -> None:
        with vastmanland.reading() as connection:
            born = {row.pupil_id: row.born_on for row in connection.execute(sa.select(pupils))}
            starts_on = connection.scalar(sa.text("SELECT starts_on FROM terms"))
        day = date.fromisoformat(str(starts_on))
        for row in self.rows("pupils"):
            assert age_on(born[derived_id("pupil", row["pupil_key"])], day) == int(row["age"])

    def test_the_personas_find_what_they_were_told(self, vastmanland: Storage) -> None:
        samira = self.of_person(vastmanland, derived_id("guardian", "g-vasteras"))
        assert samira["Noor Lera i rörelse"].state == "placed"
        assert samira["Elias Cirkuslabbet"].state == "queued"
        assert samira["Elias Cirkuslabbet"].position is not None
        anton = self.of_person(vastmanland, derived_id("pupil", "p-anton"))
        assert [each.state for each in anton.values()] == ["placed"]
        maria = self.of_person(vastmanland, derived_id("guardian", "g-norberg"))
        assert not any(
            "Alma" in name or "Cirkuslabbet" in name for name in maria
        )  # they are the demo's to make

    def test_a_second_load_does_nothing(self, vastmanland: Storage) -> None:
        before = everything(vastmanland)
        county.load(vastmanland, COUNTY_FOLDER)
        assert everything(vastmanland) == before

    def test_nobody_applied_in_the_future(self, vastmanland: Storage) -> None:
        with vastmanland.reading() as connection:
            dates = connection.scalars(sa.select(applications.c.queued_at)).all()
        assert max(dates) <= NOW
        assert local_date(min(dates)) > date(2026, 9, 1)
