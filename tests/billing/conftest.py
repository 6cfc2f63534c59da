"""A billing database with the county of Västmanland in it, and the service on top."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from services.billing import county, reactions, wiring
from services.chassis.clock import FixedClock
from services.chassis.process import Composition
from services.chassis.settings import COUNTY_FOLDER, read_settings
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import MunicipalityRegistered
from tests.conftest import MakeStorage


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def register_municipalities(storage: Storage) -> None:
    """What the catalogue says of the county's ten municipalities."""
    with (COUNTY_FOLDER / "municipalities.csv").open(encoding="utf-8") as handle, storage.unit() as unit:
        for row in csv.DictReader(handle):
            reactions.on_municipality_registered(
                unit,
                MunicipalityRegistered(
                    row["code"],
                    row["name"],
                    row["school_name"] or None,
                    _day(row["member_from"]),
                    _day(row["member_to"]),
                ),
            )


def load_county(storage: Storage) -> None:
    register_municipalities(storage)
    county.load(storage, COUNTY_FOLDER)


@pytest.fixture
def empty(make_storage: MakeStorage) -> Storage:
    return make_storage("billing")


@pytest.fixture
def storage(make_storage: MakeStorage) -> Storage:
    """The municipalities, the agreement and the population figures are known; no year is open."""
    return make_storage("billing", load_county)


@pytest.fixture
def composition(
    storage: Storage, database_url: str, tmp_path: Path, clock: FixedClock
) -> Iterator[Composition]:
    """The service on the database of `storage`."""
    environment = {"DATABASE_URL": database_url, "SAMKLANG_VAR": str(tmp_path / "var")}
    composition = wiring.compose(read_settings("billing", environment), clock)
    yield composition
    composition.parts.close()
