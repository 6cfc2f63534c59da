"""The chart of accounts and who sends the invoices, read once from a file at start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from services.billing.domain.ledger import ROLES, Account, Chart
from services.billing.domain.references import is_organisation_number
from services.chassis.settings import COUNTY_FOLDER, Settings, SettingsError

VARIABLE = "CHART_OF_ACCOUNTS"


@dataclass(frozen=True, slots=True)
class Issuer:
    name: str
    organisation_number: str
    street: str
    postal_code: str
    town: str
    bankgiro: str
    contact: str
    account: str = ""  # as the bank's files name it; without one no bank file is taken in


@dataclass(frozen=True, slots=True)
class Configuration:
    chart: Chart
    issuer: Issuer


def read_configuration(settings: Settings) -> Configuration:
    """Raises SettingsError, which says what in the file does not fit."""
    return configuration_in(settings.environment)


def configuration_in(environment: Mapping[str, str]) -> Configuration:
    """The file that an environment names, by default the county's. Raises SettingsError."""
    return configuration_from(Path(environment.get(VARIABLE) or COUNTY_FOLDER / "chart.yaml"))


def configuration_from(file: Path) -> Configuration:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        issuer = Issuer(**{name: str(value) for name, value in document["issuer"].items()})
        given: dict[str, Any] = document["accounts"]
        accounts = {role: Account(str(each["number"]), str(each["name"])) for role, each in given.items()}
        source = str(document["source"])
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(f"{VARIABLE}: {file} is not a chart of accounts: {error}") from error
    missing, unknown = sorted(set(ROLES) - set(accounts)), sorted(set(accounts) - set(ROLES))
    if missing or unknown:
        raise SettingsError(f"{VARIABLE}: missing are {missing or 'none'}, unknown {unknown or 'none'}.")
    numbers = [account.number for account in accounts.values()]
    wrong = sorted(n for n in numbers if not (n.isascii() and n.isdigit() and len(n) <= 8))
    if wrong or len(set(numbers)) < len(numbers):
        raise SettingsError(f"{VARIABLE}: accounts are up to eight digits and each for one use: {wrong}")
    if not is_organisation_number(issuer.organisation_number):
        raise SettingsError(f"{VARIABLE}: the issuer's organisation number is none.")
    return Configuration(Chart(source, accounts), issuer)
