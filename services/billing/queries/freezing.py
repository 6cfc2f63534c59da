"""What a year's shares follow from as it stands now, by any version of the agreement."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from services.billing.domain import basis as rules
from services.billing.domain.agreements import FIXED, Membership, Terms, members_in_year
from services.billing.domain.basis import Agreement, Basis, Member
from services.billing.domain.shares import Shares, compute_shares
from services.billing.queries import basis as queries
from services.chassis.refusals import N_, Refusal, Refused


def agreement_of(connection: sa.Connection, year: int) -> Agreement:
    """The version that decides the year. Raises Refused: agreement_missing."""
    return agreement_valid_on(connection, rules.members_on(year))


def agreement_valid_on(connection: sa.Connection, day: date) -> Agreement:
    """Raises Refused: agreement_missing."""
    agreement = queries.agreement_on(connection, day)
    if agreement is None:
        raise Refused(
            Refusal(
                "agreement_missing",
                N_("No version of the agreement is valid on %(day)s, so nobody knows who pays what."),
                {"day": day},
            )
        )
    return agreement


def population_date_of(connection: sa.Connection, agreement: Agreement, year: int) -> date:
    """The reference date that the agreement says for the year. Raises Refused: population_not_published."""
    if agreement.terms is None:
        return date(year - 1, 12, 31)
    rule = agreement.terms.population
    if rule.kind == FIXED:
        return rule.day_for(year)
    memberships = _memberships(connection, year, agreement.terms)
    codes = rules.paying_members(year, agreement.terms, memberships)
    found = queries.published_by(connection, codes, rule.day_for(year))
    if found is None:
        raise Refused(
            Refusal(
                "population_not_published",
                N_("No figures for every member had been published on %(day)s, the day of decision."),
                {"day": rule.day_for(year)},
            )
        )
    return found


def _memberships(connection: sa.Connection, year: int, terms: Terms) -> tuple[Membership, ...]:
    members = terms.members
    if members is None:
        members = queries.registered_members(connection)
    return members_in_year(members, year)


def freeze(
    connection: sa.Connection,
    agreement: Agreement,
    year: int,
    population_date: date,
    *,
    budget_ore: int,
    budget_version: int | None,
) -> tuple[Basis, Shares]:
    """Members and figures as they are now, and the shares they give. Raises Refused; see compute_shares."""
    terms = agreement.terms
    memberships = _memberships(connection, year, terms) if terms else ()
    if terms is None:
        names = queries.members_of_year(connection, year)
    else:
        known = {span.code: span.name for span in memberships}
        names = {code: known[code] for code in rules.paying_members(year, terms, memberships)}
    figures = queries.newest_figures(connection, population_date)
    compute_shares(
        budget_ore,
        agreement.region_code,
        agreement.region_percent,
        {code: figures[code].population if code in figures else None for code in names},
        names,
    )
    members = tuple(
        Member(code, name, figures[code].population, figures[code].vintage, figures[code].source)
        for code, name in names.items()
    )
    paying = tuple(span for span in memberships if span.code in names)
    basis = Basis(year, budget_ore, population_date, agreement, members, paying, budget_version)
    return basis, basis.shares()
