"""Who looks at the pages, and a county in which something has happened."""

from __future__ import annotations

import pytest
from werkzeug.test import Client

from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from tests.enrolment.pages.visitor import Visitor, withdraw
from tests.enrolment.story import MARIA, SAMIRA, SODERBY, children, decide, request


@pytest.fixture
def visitor(client: Client, composition: Composition) -> Visitor:
    return Visitor(client, composition)


@pytest.fixture
def maria(visitor: Visitor) -> Visitor:
    return visitor.is_family(MARIA)


@pytest.fixture
def staff(visitor: Visitor) -> Visitor:
    return visitor.is_staff()


@pytest.fixture
def full(storage: Storage) -> Storage:
    """a1 (Alma) has a place, a2 (Noor) too, a3 and a4 wait; Alma is offered a5 on the circus course."""
    ids = children(storage, 2, SODERBY, SAMIRA)
    decide(storage, *(request(f"a{n}", pupil_id=each) for n, each in enumerate(["alma", "noor", *ids], 1)))
    decide(storage, request("a0", "circus", "anton"), request("a5", "circus", "alma"))
    withdraw(storage, "a0")
    return storage
