from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from services.billing.configuration import configuration_from
from services.billing.domain.ledger import ROLES
from services.chassis.settings import COUNTY_FOLDER, SettingsError

FILE = COUNTY_FOLDER / "chart.yaml"


def test_the_countys_chart_has_an_account_for_every_use() -> None:
    configuration = configuration_from(FILE)
    assert set(configuration.chart.accounts) == set(ROLES)
    assert configuration.chart.receivable_of("19") != configuration.chart.receivable_of("1962")


def _broken(document: dict[str, Any], change: str) -> dict[str, Any]:
    accounts = document["accounts"]
    if change == "missing":
        del accounts["bank"]
    elif change == "unknown":
        accounts["piggy_bank"] = {"number": "1941", "name": "x"}
    elif change == "twice":
        accounts["bank"]["number"] = accounts["clearing"]["number"]
    elif change == "letters":
        accounts["bank"]["number"] = "19A0"
    elif change == "issuer":
        document["issuer"]["organisation_number"] = "232100-0173"
    else:
        del document["issuer"]
    return document


@pytest.mark.parametrize("change", ["missing", "unknown", "twice", "letters", "issuer", "no issuer"])
def test_a_chart_that_does_not_fit_stops_the_service(tmp_path: Path, change: str) -> None:
    document = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    file = tmp_path / "chart.yaml"
    file.write_text(yaml.safe_dump(_broken(document, change)), encoding="utf-8")
    with pytest.raises(SettingsError, match="CHART_OF_ACCOUNTS"):
        configuration_from(file)


def test_a_file_that_is_no_chart_stops_the_service(tmp_path: Path) -> None:
    for text in ("", "- a list", "accounts: {bank: 1940}", "{"):
        (tmp_path / "chart.yaml").write_text(text, encoding="utf-8")
        with pytest.raises(SettingsError):
            configuration_from(tmp_path / "chart.yaml")
    with pytest.raises(SettingsError):
        configuration_from(tmp_path / "nothing.yaml")
