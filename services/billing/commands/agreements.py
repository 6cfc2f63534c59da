"""Versions of the agreement, and ceilings that home municipalities set."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import sqlalchemy as sa

from services.billing.domain.agreements import Membership, Terms, as_text, refusal_for_terms, terms_document
from services.billing.domain.basis import Agreement
from services.billing.queries import basis as queries
from services.billing.tables import agreement_terms, agreements, ceilings
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.inbox import insert_ignoring
from services.chassis.storage.unit import Unit


def record_agreement(unit: Unit, agreement: Agreement, by: str) -> None:
    """Keep a version of the agreement, all of it or nothing.

    Raises Refused where the version is kept with other terms, and those of refusal_for_terms.
    """
    refusal = refusal_for_agreement(agreement)
    if refusal is not None:
        raise Refused(refusal)
    unit.execute(
        insert_ignoring(unit.connection, agreements),
        {
            "version": agreement.version,
            "valid_from": agreement.valid_from,
            "valid_to": agreement.valid_to,
            "region_code": agreement.region_code,
            "region_name": agreement.region_name,
            "region_percent": agreement.region_percent,
            "text_sv": agreement.text.sv,
            "text_en": agreement.text.en,
            "source": agreement.source,
            "recorded_by": by,
            "recorded_at": unit.now,
        },
    )
    if agreement.terms is not None:
        _keep_terms(unit, agreement.version, agreement.terms, by)
    if queries.agreement_version(unit.connection, agreement.version) != agreement:
        raise Refused(
            Refusal(
                "agreement_version_kept",
                N_("Version %(version)s of the agreement is kept with other terms. Add a new version."),
                {"version": agreement.version},
            )
        )


def record_version(unit: Unit, agreement: Agreement, by: str) -> None:
    """Keep the version after the newest, as it was previewed. The same again is kept once.

    Raises Refused: agreement_version_not_next, and those of record_agreement.
    """
    newest = next(iter(queries.every_agreement(unit.connection)), None)
    last = newest.version if newest else 0
    if not last <= agreement.version <= last + 1 or agreement.version < 1:
        raise Refused(
            Refusal(
                "agreement_version_not_next",
                N_("The newest version is %(newest)s now. Look at it, then begin your change again."),
                {"newest": last},
            )
        )
    record_agreement(unit, agreement, by)


def refusal_for_agreement(agreement: Agreement) -> Refusal | None:
    """Why the version cannot be, in words."""
    if not agreement.text.sv.strip() or not agreement.text.en.strip() or not agreement.source.strip():
        return Refusal(
            "agreement_without_words",
            N_("Say what is agreed, in both languages, and where it was decided."),
            status=422,
        )
    if agreement.valid_to is not None and agreement.valid_to < agreement.valid_from:
        return Refusal(
            "agreement_ends_before_it_begins", N_("An agreement cannot end before it begins."), status=422
        )
    if not 0 <= agreement.region_percent <= 100:
        return Refusal(
            "region_percent_impossible",
            N_("The region's part must be from 0 to 100 percent, not %(percent)s."),
            {"percent": agreement.region_percent},
            status=422,
        )
    return None if agreement.terms is None else refusal_for_terms(agreement.terms)


def _keep_terms(unit: Unit, version: int, terms: Terms, by: str) -> None:
    unit.execute(
        insert_ignoring(unit.connection, agreement_terms),
        {
            "version": version,
            "terms": as_text(terms_document(terms)),
            "recorded_by": by,
            "recorded_at": unit.now,
        },
    )


def change_member(
    unit: Unit,
    code: str,
    by: str,
    *,
    joined_on: date | None = None,
    left_on: date | None = None,
    name: str = "",
) -> int:
    """A new version of the agreement in which a municipality joins or leaves; its number.

    The version before it stays as it was. Raises Refused: member_unknown, member_change_missing,
    agreement_missing, instalments_not_agreed, and those of record_agreement.
    """
    newest = next(iter(queries.every_agreement(unit.connection)), None)
    if newest is None or newest.terms is None:
        raise Refused(
            Refusal("agreement_without_terms", N_("Record an agreement with its terms before it changes."))
        )
    members = newest.terms.members
    if members is None:
        members = queries.registered_members(unit.connection)
    if joined_on is not None:
        known = queries.municipality_names(unit.connection)
        changed = (*members, Membership(code, known.get(code, name or code), joined_on, left_on))
    else:
        changed = _with_end(members, code, left_on)
    terms = replace(newest.terms, members=tuple(sorted(changed, key=lambda m: (m.code, m.joined_on))))
    version = newest.version + 1
    record_agreement(unit, replace(newest, version=version, terms=terms), by)
    return version


def _with_end(members: tuple[Membership, ...], code: str, left_on: date | None) -> tuple[Membership, ...]:
    """The members with another last day for the last membership of `code`."""
    own = [member for member in members if member.code == code]
    if not own:
        raise Refused(
            Refusal(
                "member_unknown",
                N_("%(municipality)s is no member, so it cannot leave."),
                {"municipality": code},
                status=422,
            )
        )
    last = max(own, key=lambda member: member.joined_on)
    if last.left_on == left_on:
        raise Refused(
            Refusal("member_change_missing", N_("That is how it is already. Give another day."), status=422)
        )
    return tuple(replace(member, left_on=left_on) if member is last else member for member in members)


def set_ceiling(unit: Unit, code: str, year: int, ceiling_ore: int, by: str, *, decided_by: str) -> int:
    """What a home municipality pays at most for places elsewhere in a year; the version that counts now.

    The same again is the version that there is. Raises Refused: ceiling_impossible.
    """
    if ceiling_ore < 0 or not decided_by.strip():
        raise Refused(
            Refusal(
                "ceiling_impossible",
                N_("A ceiling is at least 0 kr, and somebody decided it."),
                status=422,
            )
        )
    newest = unit.row(
        sa.select(ceilings)
        .where(ceilings.c.municipality_code == code, ceilings.c.year == year)
        .order_by(ceilings.c.version.desc())
    )
    if newest is not None and (newest.ceiling_ore, newest.decided_by) == (ceiling_ore, decided_by.strip()):
        return int(newest.version)
    version = newest.version + 1 if newest is not None else 1
    unit.execute(
        sa.insert(ceilings),
        {
            "municipality_code": code,
            "year": year,
            "version": version,
            "ceiling_ore": ceiling_ore,
            "decided_by": decided_by.strip(),
            "recorded_by": by,
            "recorded_at": unit.now,
        },
    )
    return version
