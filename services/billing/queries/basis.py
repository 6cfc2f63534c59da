"""Municipalities, agreement, populations and the runs of cost shares."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from services.billing.copy_tables import members
from services.billing.domain.agreements import Membership, Terms, terms_from
from services.billing.domain.basis import FIRST_YEAR, Agreement, Basis, Member, members_on
from services.billing.domain.shares import Shares
from services.billing.tables import (
    agreement_terms,
    agreements,
    populations,
    share_run_instalments,
    share_run_members,
    share_run_memberships,
    share_run_parts,
    share_runs,
)
from services.chassis.clock import local_date
from services.chassis.refusals import N_, Refusal, Refused
from services.contracts.fact import LocalText

LAST_YEAR = 9999


@dataclass(frozen=True, slots=True)
class Run:
    """A computed run: its frozen basis, and the stored shares in öre by payer, the region first.

    `instalments_ore` is by number and payer; empty for a run from before agreements had terms.
    """

    run_id: str
    version: int
    basis: Basis
    shares_ore: Mapping[str, int]
    digest: str
    opened_by: str
    opened_at: datetime
    instalments_ore: Mapping[int, Mapping[str, int]] = field(default_factory=dict)

    def derived(self) -> Shares:
        """The shares computed again from the frozen basis."""
        return self.basis.shares()

    @property
    def region_code(self) -> str:
        return self.basis.agreement.region_code

    @property
    def region_ore(self) -> int:
        return self.shares_ore[self.region_code]

    @property
    def members_ore(self) -> int:
        return sum(self.shares_ore.values()) - self.region_ore

    def holds(self) -> bool:
        """Whether the stored shares sum to the budget and are what the basis gives."""
        stored = dict(self.shares_ore)
        return (
            sum(stored.values()) == self.basis.budget_ore
            and stored == self.derived().by_payer
            and self.instalments_hold()
        )

    def instalments_hold(self) -> bool:
        """Whether the stored instalments are what the basis gives."""
        if self.basis.agreement.terms is None:
            return not self.instalments_ore
        derived = {each.period.number: dict(each.amounts_ore) for each in self.basis.instalments()}
        return {number: dict(row) for number, row in self.instalments_ore.items()} == derived


def municipality_names(connection: sa.Connection) -> dict[str, str]:
    """Names by code, the region's among them once an agreement is known."""
    names = {row.municipality_code: row.name for row in connection.execute(sa.select(members))}
    regions = connection.execute(sa.select(agreements).order_by(agreements.c.version))
    return {**names, **{row.region_code: row.region_name for row in regions}}


def members_of_year(connection: sa.Connection, year: int) -> dict[str, str]:
    """Names by code of those who are members on the year's first day, in the order of their codes."""
    day = members_on(year)
    rows = connection.execute(
        sa.select(members)
        .where(
            members.c.member_from <= day,
            sa.or_(members.c.member_to.is_(None), members.c.member_to >= day),
        )
        .order_by(members.c.municipality_code)
    )
    return {row.municipality_code: row.name for row in rows}


def registered_members(connection: sa.Connection) -> tuple[Membership, ...]:
    """Every membership that the register of municipalities tells of, by code."""
    rows = connection.execute(
        sa.select(members).where(members.c.member_from.is_not(None)).order_by(members.c.municipality_code)
    )
    return tuple(Membership(row.municipality_code, row.name, row.member_from, row.member_to) for row in rows)


_AGREEMENT = sa.select(agreements, agreement_terms.c.terms).join(
    agreement_terms, agreement_terms.c.version == agreements.c.version, isouter=True
)


def agreement_on(connection: sa.Connection, day: date) -> Agreement | None:
    """The newest version that is valid on `day`."""
    row = connection.execute(
        _AGREEMENT.where(
            agreements.c.valid_from <= day,
            sa.or_(agreements.c.valid_to.is_(None), agreements.c.valid_to >= day),
        )
        .order_by(agreements.c.version.desc())
        .limit(1)
    ).first()
    return None if row is None else _agreement(row)


def every_agreement(connection: sa.Connection) -> list[Agreement]:
    """All versions, the newest first."""
    return [_agreement(row) for row in connection.execute(_AGREEMENT.order_by(agreements.c.version.desc()))]


def _agreement(row: sa.Row[Any]) -> Agreement:
    return Agreement(
        row.version,
        row.valid_from,
        row.valid_to,
        row.region_code,
        row.region_name,
        row.region_percent,
        LocalText(row.text_sv, row.text_en),
        row.source,
        _terms(row.terms),
    )


def _terms(text: str | None) -> Terms | None:
    return None if text is None else terms_from(json.loads(text))


def agreement_version(connection: sa.Connection, version: int) -> Agreement | None:
    row = connection.execute(_AGREEMENT.where(agreements.c.version == version)).first()
    return None if row is None else _agreement(row)


def population_vintages(connection: sa.Connection) -> Sequence[sa.Row[Any]]:
    """Every figure ever recorded, by date, municipality and vintage."""
    return connection.execute(
        sa.select(populations).order_by(
            populations.c.reference_date, populations.c.municipality_code, populations.c.vintage
        )
    ).all()


def newest_figures(connection: sa.Connection, reference_date: date) -> dict[str, sa.Row[Any]]:
    """The figure that counts for each municipality on a date: the one of the highest vintage."""
    rows = connection.execute(
        sa.select(populations)
        .where(populations.c.reference_date == reference_date)
        .order_by(populations.c.vintage)
    )
    return {row.municipality_code: row for row in rows}


def population_dates(connection: sa.Connection) -> list[tuple[date, int]]:
    """Dates with figures, the newest first, and for how many municipalities."""
    how_many = sa.func.count(sa.distinct(populations.c.municipality_code))
    rows = connection.execute(
        sa.select(populations.c.reference_date, how_many)
        .group_by(populations.c.reference_date)
        .order_by(populations.c.reference_date.desc())
    )
    return [(reference_date, count) for reference_date, count in rows]


def published_by(connection: sa.Connection, codes: Sequence[str], day: date) -> date | None:
    """The newest reference date for which every one of `codes` had a figure that was published on `day`."""
    rows = connection.execute(sa.select(populations).where(populations.c.municipality_code.in_(codes)))
    known: dict[date, set[str]] = {}
    for row in rows:
        published_on = row.published_on or local_date(row.recorded_at)
        if published_on <= day:
            known.setdefault(row.reference_date, set()).add(row.municipality_code)
    return max((each for each, found in known.items() if found == set(codes)), default=None)


def revised_since(connection: sa.Connection, run: Run) -> list[tuple[Member, int]]:
    """Members whose figure has another value now than the run froze, with the figure that counts now."""
    figures = newest_figures(connection, run.basis.population_date)
    return [
        (member, figures[member.code].population)
        for member in run.basis.members
        if member.code in figures and figures[member.code].population != member.population
    ]


def newest_runs(connection: sa.Connection) -> list[Run]:
    """The run that holds for each opened year, the newest year first."""
    newest = sa.select(share_runs.c.year, sa.func.max(share_runs.c.version)).group_by(share_runs.c.year)
    return _runs(connection, sa.tuple_(share_runs.c.year, share_runs.c.version).in_(newest))


def runs_of_year(connection: sa.Connection, year: int) -> list[Run]:
    """Every run of the year, the newest first: the first one holds. Empty where nobody opened it."""
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return []
    return _runs(connection, share_runs.c.year == year)


def every_run(connection: sa.Connection) -> list[Run]:
    return _runs(connection, sa.true())


def run_by_id(connection: sa.Connection, run_id: str | None) -> Run | None:
    return next(iter(_runs(connection, share_runs.c.run_id == run_id)), None)


def run_of_year(connection: sa.Connection, year: int, version: int | None = None) -> tuple[Run, list[Run]]:
    """The run that holds (or the version asked for), and every run of the year.

    Raises Refused: year_not_opened, version_unknown.
    """
    runs = runs_of_year(connection, year)
    if not runs:
        raise Refused(
            Refusal(
                "year_not_opened",
                N_("The year %(year)s has not been opened, so there are no shares to show."),
                {"year": year},
                status=404,
            )
        )
    if version is None:
        return runs[0], runs
    asked = next((run for run in runs if run.version == version), None)
    if asked is None:
        raise Refused(
            Refusal(
                "version_unknown",
                N_("The year %(year)s has no version %(version)s."),
                {"year": year, "version": version},
                status=404,
            )
        )
    return asked, runs


def _runs(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Run]:
    agreed = [agreements.c.valid_from, agreements.c.valid_to, agreements.c.source]
    statement = (
        sa.select(share_runs, *agreed)
        .join(agreements, agreements.c.version == share_runs.c.agreement_version)
        .where(where)
        .order_by(share_runs.c.year.desc(), share_runs.c.version.desc())
    )
    rows = connection.execute(statement).all()
    ids = [row.run_id for row in rows]
    orders: dict[sa.Table, sa.Column[Any]] = {
        share_run_members: share_run_members.c.municipality_code,
        share_run_memberships: share_run_memberships.c.municipality_code,
        share_run_parts: share_run_parts.c.payer_code,
        share_run_instalments: share_run_instalments.c.number,
    }
    parts = {table: _grouped(connection, table, ids, order) for table, order in orders.items()}
    return [_run(row, {table: of.get(row.run_id, []) for table, of in parts.items()}) for row in rows]


def _grouped(
    connection: sa.Connection, table: sa.Table, run_ids: Sequence[str], order: sa.ColumnElement[Any]
) -> dict[str, list[sa.Row[Any]]]:
    grouped: dict[str, list[sa.Row[Any]]] = {}
    for row in connection.execute(sa.select(table).where(table.c.run_id.in_(run_ids)).order_by(order)):
        grouped.setdefault(row.run_id, []).append(row)
    return grouped


def _run(row: sa.Row[Any], parts: Mapping[sa.Table, Sequence[sa.Row[Any]]]) -> Run:
    agreement = Agreement(
        row.agreement_version,
        row.valid_from,
        row.valid_to,
        row.region_code,
        row.region_name,
        row.region_percent,
        LocalText(row.agreement_sv, row.agreement_en),
        row.source,
        _terms(row.terms),
    )
    of_run = tuple(
        Member(m.municipality_code, m.name, m.population, m.vintage, m.source)
        for m in parts[share_run_members]
    )
    spans = sorted(
        (
            Membership(m.municipality_code, m.name, m.joined_on, m.left_on)
            for m in parts[share_run_memberships]
        ),
        key=lambda span: (span.code, span.joined_on),
    )
    instalments: dict[int, dict[str, int]] = {}
    for part in parts[share_run_instalments]:
        instalments.setdefault(part.number, {})[part.payer_code] = part.amount_ore
    return Run(
        row.run_id,
        row.version,
        Basis(
            row.year,
            row.budget_ore,
            row.population_date,
            agreement,
            of_run,
            tuple(spans),
            row.budget_version,
        ),
        # The region's code is the county's two digits: it sorts before its municipalities'.
        {part.payer_code: part.share_ore for part in parts[share_run_parts]},
        row.digest,
        row.opened_by,
        row.opened_at,
        instalments,
    )
