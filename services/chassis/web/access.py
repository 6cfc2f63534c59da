"""Who may do what: decided for every route in one place, before its handler runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.chassis.municipality import covers
from services.chassis.refusals import N_, Refusal, Refused

ROLES = ("guardian", "pupil", "staff", "finance", "operator")

ROLE_LABELS = {
    "guardian": N_("Guardian"),
    "pupil": N_("Pupil"),
    "staff": N_("School staff"),
    "finance": N_("Finance"),
    "operator": N_("Operations"),
}


LONGEST_AUDIT_NAME = 128  # the shortest column that keeps one


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is asking: a role bound to a municipality (or, by two digits, to the county).

    `person_id` is the guardian or pupil; None for those who act for an organisation only.
    """

    name: str
    role: str
    municipality: str
    municipality_name: str = ""
    person_id: str | None = None

    @property
    def audit_name(self) -> str:
        """Who did it, for the audit trail: role, municipality, and the person where there is one.

        Of who acts for an organisation the name too, since people read it years later; of a family never.
        """
        who = self.person_id or self.name
        if self.person_id is not None and self.role not in ("guardian", "pupil"):
            who = f"{who}:{self.name}"
        return f"{self.role}:{self.municipality}:{who}"[:LONGEST_AUDIT_NAME]


# Given the route's arguments, the municipality the thing belongs to; None where there is no such thing.
MunicipalityOf = Callable[..., str | None]


@dataclass(frozen=True, slots=True)
class Access:
    """`roles` None is everybody, logged in or not. `municipality` limits roles to their own municipality."""

    roles: frozenset[str] | None
    municipality: MunicipalityOf | None = None


PUBLIC = Access(roles=None)
SIGNED_IN = Access(roles=frozenset(ROLES))


def only(*roles: str, municipality: MunicipalityOf | None = None) -> Access:
    unknown = set(roles) - set(ROLES)
    if unknown or not roles:
        raise ValueError(f"not roles: {unknown}")
    return Access(frozenset(roles), municipality)


class NotSignedIn(Exception):
    """The route needs somebody, and nobody is signed in."""


class NotFound(Exception):
    """There is no such thing, or it is nothing the visitor may know of."""


ROLE_REFUSED = Refusal(
    "role_not_allowed",
    N_("This page is for another role than the one you are signed in with."),
    status=403,
)
MUNICIPALITY_REFUSED = Refusal(
    "municipality_not_yours",
    N_("This belongs to another municipality than the one you act for."),
    status=403,
)


def check(access: Access, actor: Actor | None, context: Any, arguments: dict[str, Any]) -> None:
    """Raises NotSignedIn, Refused or NotFound where `actor` may not."""
    if access.roles is None:
        return
    if actor is None:
        raise NotSignedIn
    if actor.role not in access.roles:
        raise Refused(ROLE_REFUSED)
    if access.municipality is not None:
        municipality = access.municipality(context, **arguments)
        if municipality is None:
            raise NotFound
        if not covers(actor.municipality, municipality):
            raise Refused(MUNICIPALITY_REFUSED)
