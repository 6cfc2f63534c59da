"""Refusals that several rooms of billing say, each in the same words."""

from __future__ import annotations

from services.chassis.refusals import N_, Refusal, Refused

REASON_MISSING = Refusal(
    "reason_missing", N_("Say why, so that whoever reads it later understands."), status=422
)
RUN_ID_USED = Refusal(
    "run_id_used",
    N_("This form was already used for another basis. Reload the page and fill it in again."),
)
TERM_NOT_KNOWN = Refusal("term_not_known", N_("There is no such term."), status=404)
COMPENSATION_UNKNOWN = Refusal(
    "compensation_unknown", N_("There is no such computation of compensation."), status=404
)
VOUCHER_UNKNOWN = Refusal("voucher_unknown", N_("There is no such voucher."), status=404)
SHORTEST_REASON = 5


def says_why(reason: str) -> bool:
    return len(reason.strip()) >= SHORTEST_REASON


def refuse_without_reason(reason: str) -> None:
    """Raises Refused: reason_missing."""
    if not says_why(reason):
        raise Refused(REASON_MISSING)
