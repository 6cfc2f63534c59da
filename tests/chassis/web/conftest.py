"""The small service over a database of its own, asked as a browser and as a program would."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.test import Client

from services.chassis.clock import FixedClock
from services.chassis.messaging.service import FactService
from services.chassis.parts import Parts
from services.chassis.process import Composition
from services.chassis.settings import read_settings
from services.chassis.web import common
from services.chassis.web.app import App
from tests.chassis.web import small
from tests.web import client_of

SECRET = "a secret of the tests that is long enough"
MakeService = Callable[..., Composition]


@pytest.fixture
def make_service(tmp_path: Path, migrated_file: Path, clock: FixedClock) -> Iterator[MakeService]:
    """The small service in place of the catalogue, with more of an environment."""
    opened: list[Parts] = []

    def make(**environment: str) -> Composition:
        if not (tmp_path / "catalogue.db").exists():
            shutil.copy(migrated_file, tmp_path / "catalogue.db")
        settings = read_settings(
            "catalogue",
            {
                "SAMKLANG_VAR": str(tmp_path),
                "DATABASE_URL": f"sqlite:///{tmp_path}/catalogue.db",
                "SECRET_KEY": SECRET,
                **environment,
            },
        )
        parts = Parts(settings, {}, clock)
        opened.append(parts)
        return Composition(FactService, parts, App(parts, [common.routes, small.routes], tmp_path))

    yield make
    for parts in opened:
        parts.close()


@pytest.fixture
def composition(make_service: MakeService) -> Composition:
    return make_service()


@pytest.fixture
def client(composition: Composition) -> Client:
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client
