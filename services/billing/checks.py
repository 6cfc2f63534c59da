"""Invariants of cost shares, for `samklang check`."""

from __future__ import annotations

import sqlalchemy as sa

from services.billing.domain import basis as rules
from services.billing.queries import basis as queries
from services.billing.queries.basis import Run
from services.chassis.refusals import Refused


def check(connection: sa.Connection) -> list[str]:
    """What does not hold, in words; empty when all is well."""
    return [finding for run in queries.every_run(connection) for finding in _findings(run)]


def _findings(run: Run) -> list[str]:
    which = f"the shares of {run.basis.year}, version {run.version},"
    findings = []
    off_ore = sum(run.shares_ore.values()) - run.basis.budget_ore
    if off_ore:
        findings.append(f"{which} differ from the budget by {off_ore} öre")
    try:
        derived = run.derived()
    except Refused as error:
        return [*findings, f"{which} cannot be derived from their frozen basis: {error.refusal.name}"]
    if dict(run.shares_ore) != derived.by_payer:
        findings.append(f"{which} are not what their frozen basis gives")
    if rules.digest(run.basis, derived) != run.digest:
        findings.append(f"{which} rest on a basis that was changed after it was frozen")
    return findings
