"""A version of the agreement in words, line by line, so that two versions can be laid beside each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.billing.domain.agreements import FIXED, DayOfYear, Membership, Terms
from services.billing.domain.basis import Agreement
from services.chassis.refusals import N_

Say = Callable[[str], str]

INSTALMENTS = {1: N_("yearly"), 2: N_("half-yearly"), 4: N_("quarterly"), 12: N_("monthly")}
ROUNDING = {
    "ore": N_("to the öre"),
    "krona": N_("whole kronor, with the rest on the last instalment"),
}
CHANGES = {
    "period": N_("pays the whole of each period that it is a member on the first day of"),
    "day": N_("pays by the day"),
}
POPULATIONS = {
    "fixed_date": N_("the population of a fixed day"),
    "latest_published": N_("the latest published on a day of decision"),
}


@dataclass(frozen=True, slots=True)
class Difference:
    label: str
    was: str
    now: str


def day_text(day: DayOfYear) -> str:
    """`01-31`."""
    return f"{day.month:02d}-{day.day:02d}"


def lines(agreement: Agreement, say: Say, language: str) -> dict[str, str]:
    """Label and value; empty where a version says nothing of it."""
    until = agreement.valid_to.isoformat() if agreement.valid_to else ""
    found = {
        say(N_("Valid")): f"{agreement.valid_from.isoformat()} – {until}",
        agreement.region_name: say(N_("%(percent)s percent")) % {"percent": agreement.region_percent},
        say(N_("What is agreed")): agreement.text.in_language(language),
        say(N_("Source")): agreement.source,
    }
    return found if agreement.terms is None else found | _terms(agreement.terms, say)


def _terms(terms: Terms, say: Say) -> dict[str, str]:
    rule = terms.population
    about = {"day": day_text(rule.day), "years": rule.years_before}
    fixed = N_("of %(day)s, %(years)s year before")
    latest = N_("the newest published on %(day)s, %(years)s year before")
    due = ", ".join(map(day_text, terms.due_days))
    netting = N_("a host’s approved costs are set off against its share") if terms.netting else N_("none")
    how_often = say(INSTALMENTS[len(terms.due_days)]) if len(terms.due_days) in INSTALMENTS else ""
    return {
        say(N_("Population")): say(fixed if rule.kind == FIXED else latest) % about,
        say(N_("Instalments")): f"{how_often}: {due}",
        say(N_("Rounding")): say(ROUNDING[terms.rounding]),
        say(N_("Who comes or leaves")): say(CHANGES[terms.change]),
        say(N_("Days of payment")): str(terms.payment_days),
        say(N_("Netting")): say(netting),
        say(N_("Reminders, days after the due date")): ", ".join(map(str, terms.reminder_days))
        or say(N_("none")),
    }


def members_text(members: tuple[Membership, ...] | None, say: Say) -> dict[str, str]:
    """A line a municipality: its memberships."""
    if members is None:
        return {say(N_("Members")): say(N_("as the register says"))}
    found: dict[str, list[str]] = {}
    for span in members:
        until = span.left_on.isoformat() if span.left_on else ""
        found.setdefault(span.name or span.code, []).append(f"{span.joined_on.isoformat()} – {until}")
    return {f"{say(N_('Member'))}: {name}": ", ".join(spans) for name, spans in found.items()}


def differences(was: Agreement | None, now: Agreement, say: Say, language: str) -> list[Difference]:
    """What reads otherwise in `now`, in its order; what is gone comes last."""
    before = _whole(was, say, language) if was else {}
    after = _whole(now, say, language)
    return [
        Difference(label, before.get(label, ""), after.get(label, ""))
        for label in [*after, *(label for label in before if label not in after)]
        if before.get(label, "") != after.get(label, "")
    ]


def _whole(agreement: Agreement, say: Say, language: str) -> dict[str, str]:
    members = members_text(agreement.terms.members, say) if agreement.terms else {}
    return lines(agreement, say, language) | members
