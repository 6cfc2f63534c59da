"""The paths of the one browser origin: which service serves which, and where each role goes first.

Pages of different services link to each other, so their paths are part of the published language. The
reverse proxy's configuration follows the same table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.chassis.refusals import N_

# A path belongs to the service whose prefix it starts with; the catalogue has the rest, the home page too.
PREFIXES: Mapping[str, tuple[str, ...]] = {
    "enrolment": ("/my", "/apply", "/staff"),
    "notifications": ("/mail", "/calendar", "/preferences"),
    "billing": ("/finance",),
    "catalogue": ("/",),
}


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    href: str
    roles: tuple[str, ...] = ()  # none: for everybody


NAVIGATION: tuple[Link, ...] = (
    Link(N_("Courses"), "/courses"),
    Link(N_("Schools"), "/schools"),
    Link(N_("My page"), "/my", ("guardian", "pupil")),
    Link(N_("Mail"), "/mail", ("guardian", "pupil", "finance")),
    Link(N_("Participants"), "/staff", ("staff",)),
    Link(N_("Cost shares"), "/finance", ("finance",)),
    Link(N_("Operations"), "/operations", ("operator",)),
)

FIRST_PAGE: Mapping[str, str] = {
    "guardian": "/my",
    "pupil": "/my",
    "staff": "/staff",
    "finance": "/finance",
    "operator": "/operations",
}
