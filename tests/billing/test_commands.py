from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import eventlet
import pytest
import sqlalchemy as sa

from services.billing import reactions
from services.billing.commands import agreements as agreement_commands
from services.billing.commands import basis as commands
from services.billing.domain.basis import Agreement
from services.billing.domain.populations import Figure
from services.billing.queries import basis as queries
from services.billing.queries.basis import Run
from services.billing.tables import agreements, budget_years, populations, share_runs
from services.chassis.ids import new_id
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from services.chassis.storage.tables import outbox
from services.contracts.billing import CostShare, CostSharesComputed
from services.contracts.catalogue import MunicipalityRegistered
from services.contracts.envelope import parse_envelope
from services.contracts.fact import LocalText
from tests.billing.examples import BUDGET_ORE, NINE_ORE, REGION, TEN_ORE

DAY = date(2024, 12, 31)
AGREEMENT = Agreement(
    1, date(2015, 1, 1), None, "19", "Region Västmanland", 50, LocalText("hälften", "half"), "a source"
)


def open_2025(storage: Storage, budget_ore: int = BUDGET_ORE, run_id: str | None = None) -> str:
    with storage.unit() as unit:
        return commands.open_year(unit, 2025, budget_ore, DAY, "a test", run_id=run_id)


def record(storage: Storage, *figures: Figure) -> commands.Recorded:
    with storage.unit() as unit:
        return commands.record_populations(unit, figures, "a test")


def runs_of(storage: Storage, year: int = 2025) -> list[Run]:
    with storage.reading() as connection:
        return queries.runs_of_year(connection, year)


def published(storage: Storage) -> list[CostSharesComputed]:
    with storage.reading() as connection:
        envelopes = connection.scalars(sa.select(outbox.c.envelope).order_by(outbox.c.sequence)).all()
    return [CostSharesComputed.load(parse_envelope(text).data) for text in envelopes]


def count(storage: Storage, table: sa.Table) -> int:
    with storage.reading() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0


def refused(storage: Storage, year: int, budget_ore: int, day: date) -> str:
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        commands.open_year(unit, year, budget_ore, day, "a test")
    assert count(storage, share_runs) == 0
    assert count(storage, budget_years) == 0
    assert published(storage) == []
    return caught.value.refusal.name


def test_opening_2025_gives_the_worked_example(storage: Storage) -> None:
    run_id = open_2025(storage)
    (run,) = runs_of(storage)
    assert run.run_id == run_id
    assert run.shares_ore == {REGION: 500_000_00, **NINE_ORE}
    assert (run.version, run.opened_by, run.region_ore, run.members_ore) == (1, "a test", 50000000, 50000000)
    assert run.holds()


def test_with_surahammar_as_a_member_there_are_ten(storage: Storage) -> None:
    with storage.unit() as unit:
        reactions.on_municipality_registered(
            unit, MunicipalityRegistered("1907", "Surahammar", None, date(2025, 1, 1), None)
        )
    open_2025(storage)
    assert runs_of(storage)[0].shares_ore == {REGION: 500_000_00, **TEN_ORE}


@pytest.mark.parametrize(
    ("member_from", "member_to", "pays"),
    [
        (date(2025, 1, 1), None, True),
        (date(2025, 1, 2), None, True),  # from the second quarter
        (date(2025, 10, 2), None, False),
        (date(2015, 1, 1), date(2024, 12, 31), False),
        (date(2015, 1, 1), date(2025, 1, 1), True),
        (None, None, False),
    ],
)
def test_who_is_a_member_on_the_first_day_of_a_quarter_pays_for_it(
    storage: Storage, member_from: date | None, member_to: date | None, pays: bool
) -> None:
    with storage.unit() as unit:
        reactions.on_municipality_registered(
            unit, MunicipalityRegistered("1907", "Surahammar", None, member_from, member_to)
        )
    open_2025(storage)
    assert ("1907" in runs_of(storage)[0].shares_ore) is pays


def test_the_shares_are_published(storage: Storage) -> None:
    run_id = open_2025(storage)
    (fact,) = published(storage)
    shares = (CostShare(REGION, 500_000_00), *(CostShare(code, NINE_ORE[code]) for code in sorted(NINE_ORE)))
    assert fact == CostSharesComputed(run_id, 2025, BUDGET_ORE, DAY, shares)


def test_the_same_basis_again_is_the_same_run(storage: Storage) -> None:
    first = open_2025(storage)
    assert open_2025(storage) == first
    assert open_2025(storage, run_id=new_id()) == first
    assert len(runs_of(storage)) == 1
    assert len(published(storage)) == 1


def test_another_basis_is_a_new_version_and_the_earlier_is_kept(storage: Storage) -> None:
    first = open_2025(storage)
    second = open_2025(storage, BUDGET_ORE + 1)
    newest, earlier = runs_of(storage)
    assert (newest.run_id, newest.version, earlier.run_id, earlier.version) == (second, 2, first, 1)
    assert earlier.shares_ore == {REGION: 500_000_00, **NINE_ORE}
    assert newest.region_ore == 500_000_01
    assert [fact.run_id for fact in published(storage)] == [first, second]


def test_going_back_to_an_earlier_basis_adds_a_version(storage: Storage) -> None:
    first = open_2025(storage)
    open_2025(storage, BUDGET_ORE + 1)
    third = open_2025(storage)
    assert third != first
    assert [run.version for run in runs_of(storage)] == [3, 2, 1]


def test_a_retry_with_its_id_gets_its_run_whatever_came_after(storage: Storage) -> None:
    run_id = new_id()
    assert open_2025(storage, run_id=run_id) == run_id
    open_2025(storage, BUDGET_ORE + 1)
    assert open_2025(storage, run_id=run_id) == run_id
    assert [run.version for run in runs_of(storage)] == [2, 1]


def test_an_id_used_for_another_basis_is_refused(storage: Storage) -> None:
    run_id = open_2025(storage)
    with pytest.raises(Refused) as caught:
        open_2025(storage, BUDGET_ORE + 1, run_id)
    assert caught.value.refusal.name == "run_id_used"
    assert len(runs_of(storage)) == 1


def test_a_run_keeps_its_basis_when_the_world_changes(storage: Storage) -> None:
    open_2025(storage)
    (before,) = runs_of(storage)
    record(storage, Figure("1981", DAY, 22900, "scb.se, revised"))
    with storage.unit() as unit:
        reactions.on_municipality_registered(
            unit, MunicipalityRegistered("1981", "Nya Sala", None, None, None)
        )
    (after,) = runs_of(storage)
    assert after == before
    assert after.holds()


def test_a_revised_figure_makes_a_new_version(storage: Storage) -> None:
    open_2025(storage)
    record(storage, Figure("1981", DAY, 22900, "scb.se, revised"))
    with storage.reading() as connection:
        ((member, now),) = queries.revised_since(connection, queries.runs_of_year(connection, 2025)[0])
    assert (member.name, member.population, now) == ("Sala", 22843, 22900)
    open_2025(storage)
    newest, earlier = runs_of(storage)
    assert newest.shares_ore["1981"] > earlier.shares_ore["1981"]
    sala = next(member for member in newest.basis.members if member.code == "1981")
    assert (sala.population, sala.vintage, sala.source) == (22900, 2, "scb.se, revised")


@pytest.mark.parametrize(
    ("year", "budget_ore", "day", "refusal"),
    [
        (1900, BUDGET_ORE, DAY, "year_unknown"),
        (2032, BUDGET_ORE, DAY, "year_unknown"),
        (2014, BUDGET_ORE, DAY, "agreement_missing"),
        (2025, 0, DAY, "budget_not_positive"),
        (2025, -5, DAY, "budget_not_positive"),
        (2025, BUDGET_ORE, date(2026, 12, 31), "population_date_in_future"),
        (2025, BUDGET_ORE, date(2024, 6, 30), "population_missing"),
    ],
)
def test_a_year_that_cannot_be_opened_changes_nothing(
    storage: Storage, year: int, budget_ore: int, day: date, refusal: str
) -> None:
    assert refused(storage, year, budget_ore, day) == refusal


def test_a_member_without_a_figure_is_named(storage: Storage) -> None:
    record(storage, *(Figure(code, date(2025, 6, 30), 1000, "a test") for code in NINE_ORE if code != "1981"))
    with pytest.raises(Refused) as caught, storage.unit() as unit:
        commands.open_year(unit, 2026, 100, date(2025, 6, 30), "a test")
    assert caught.value.refusal.name == "population_missing"
    assert caught.value.refusal.facts == {"municipality": "Sala"}


def test_without_members_there_is_nobody_to_pay(empty: Storage) -> None:
    with empty.unit() as unit:
        agreement_commands.record_agreement(unit, AGREEMENT, "a test")
    assert refused(empty, 2025, BUDGET_ORE, DAY) == "no_members"


def test_many_who_open_a_year_at_once_take_turns(storage: Storage) -> None:
    """Ten presses of the same button and ten other budgets, all under way together."""
    pool = eventlet.GreenPool(20)
    same = [pool.spawn(open_2025, storage, 1) for _ in range(10)]
    others = [pool.spawn(open_2025, storage, 100 + n) for n in range(10)]
    ids = [thread.wait() for thread in same + others]
    runs = runs_of(storage)
    assert {run.run_id for run in runs} == set(ids)
    assert [run.version for run in runs] == list(range(len(runs), 0, -1))
    assert {run.basis.budget_ore for run in runs} == {1, *range(100, 110)}
    assert all(newer.basis.decides != older.basis.decides for newer, older in pairwise(runs))


def test_an_agreement_is_kept_once_and_never_changed(empty: Storage) -> None:
    for _ in range(2):
        with empty.unit() as unit:
            agreement_commands.record_agreement(unit, AGREEMENT, "a test")
    assert count(empty, agreements) == 1
    with pytest.raises(Refused) as caught, empty.unit() as unit:
        agreement_commands.record_agreement(unit, replace(AGREEMENT, region_percent=40), "a test")
    assert caught.value.refusal.name == "agreement_version_kept"


def test_the_newest_agreement_of_the_years_first_day_counts(storage: Storage) -> None:
    later = replace(AGREEMENT, version=2, valid_from=date(2026, 1, 1), region_percent=40)
    with storage.unit() as unit:
        agreement_commands.record_agreement(unit, later, "a test")
        commands.open_year(unit, 2025, BUDGET_ORE, DAY, "a test")
        commands.open_year(unit, 2026, BUDGET_ORE, DAY, "a test")
    assert runs_of(storage, 2025)[0].region_ore == 500_000_00
    assert runs_of(storage, 2026)[0].region_ore == 400_000_00


def test_figures_are_first_revised_or_unchanged(empty: Storage) -> None:
    figure = Figure("1981", DAY, 22843, "scb.se")
    assert record(empty, figure) == commands.Recorded(1, 0, 0)
    assert record(empty, figure) == commands.Recorded(0, 0, 1)
    changed = replace(figure, population=22900)
    norberg = Figure("1962", DAY, 5452, "scb.se")
    assert record(empty, changed, norberg) == commands.Recorded(1, 1, 0)
    with empty.reading() as connection:
        kept = [
            (row.municipality_code, row.vintage, row.population)
            for row in queries.population_vintages(connection)
        ]
        assert queries.newest_figures(connection, DAY)["1981"].population == 22900
    assert kept == [("1962", 1, 5452), ("1981", 1, 22843), ("1981", 2, 22900)]


def test_returning_to_an_earlier_figure_is_a_revision_too(empty: Storage) -> None:
    figure = Figure("1981", DAY, 22843, "scb.se")
    record(empty, figure)
    record(empty, replace(figure, population=1))
    assert record(empty, figure).revised == 1
    with empty.reading() as connection:
        assert queries.newest_figures(connection, DAY)["1981"].vintage == 3


@pytest.mark.parametrize(
    ("broken", "refusal"),
    [
        (Figure("1981", DAY, 0, "scb.se"), "population_not_positive"),
        (Figure("1981", DAY, -1, "scb.se"), "population_not_positive"),
        (Figure("1981", date(2027, 1, 1), 5, "scb.se"), "reference_date_impossible"),
        (Figure("1962", DAY, 5, "another"), "population_given_twice"),
    ],
)
def test_one_broken_figure_keeps_all_out(empty: Storage, broken: Figure, refusal: str) -> None:
    with pytest.raises(Refused) as caught:
        record(empty, Figure("1962", DAY, 5452, "scb.se"), broken)
    assert caught.value.refusal.name == refusal
    assert caught.value.refusal.facts["row"] == 2
    assert count(empty, populations) == 0
