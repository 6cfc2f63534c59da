"""Who asks."""

from __future__ import annotations

import pytest

from services.chassis.process import Composition
from tests.enrolment.api.asking import Headers
from tests.enrolment.story import MARIA, NORRBY, SAMIRA, SODERBY
from tests.web import bearer


@pytest.fixture
def maria(composition: Composition) -> Headers:
    return bearer(composition, role="guardian", municipality=NORRBY, person_id=MARIA)


@pytest.fixture
def samira(composition: Composition) -> Headers:
    return bearer(composition, role="guardian", municipality=SODERBY, person_id=SAMIRA)


@pytest.fixture
def anton(composition: Composition) -> Headers:
    return bearer(composition, role="pupil", municipality=SODERBY, person_id="anton")


@pytest.fixture
def norrby(composition: Composition) -> Headers:
    return bearer(composition, role="staff", municipality=NORRBY)


@pytest.fixture
def soderby(composition: Composition) -> Headers:
    return bearer(composition, role="staff", municipality=SODERBY)
