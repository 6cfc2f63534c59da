"""Who may do what with cost shares; declared on the routes, checked before their handlers run."""

from __future__ import annotations

from typing import Any

from services.chassis.municipality import covers
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.web.access import only


def _the_county(context: Any, **_arguments: Any) -> str:
    """The basis is the whole county's. Who may read it but not set it is told who may."""
    county: str = context.parts.settings.county_code
    if not covers(context.signed_in.municipality, county):
        raise Refused(
            Refusal(
                "county_finance_only",
                N_(
                    "Only finance staff of %(region)s open years and record population figures. You can "
                    "read every figure and how it was worked out; ask them if one is wrong."
                ),
                {"region": context.parts.municipality_names().get(county, county)},
                status=403,
            )
        )
    return county


# Every member sees the whole table: nobody can trust a share without seeing the others'.
READ = only("finance")
SET_BASIS = only("finance", municipality=_the_county)


def _the_host(context: Any, host_code: str, **_arguments: Any) -> str:
    return host_code


# A host tells what it spent itself; the county's staff may for any.
REPORT_COST = only("finance", municipality=_the_host)


def _the_home(context: Any, code: str, **_arguments: Any) -> str:
    return code


# How much a home municipality pays for places elsewhere is its own decision.
SET_CEILING = only("finance", municipality=_the_home)


# What families pay is between them and the host: its own finance staff and the county's.
READ_FEES = only("finance", municipality=_the_home)


def _the_payer(context: Any, payer_code: str, **_arguments: Any) -> str | None:
    """A payer says itself how it wants its invoices; the county's staff may for any. None: no such payer."""
    return payer_code if payer_code in context.parts.municipality_names() else None


SET_PAYER = only("finance", municipality=_the_payer)


def may_set_basis(context: Any) -> bool:
    """Whether to show the forms; the routes decide."""
    return covers(context.signed_in.municipality, context.parts.settings.county_code)


def acting(context: Any) -> str:
    """Who acts, for the record: the audit name, with the person's name last whether or not it has an id."""
    actor = context.signed_in
    return str(actor.audit_name if actor.person_id else f"{actor.audit_name}:{actor.name}"[:200])
