"""Loads a county's files. Loading again changes, and publishes, only what is different."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from typing import Any, cast

import yaml

from services.catalogue import commands
from services.catalogue.domain.terms import term_of_id, term_to_apply_for
from services.catalogue.repository import RULE_BOOK
from services.chassis.storage.engine import Storage
from services.chassis.storage.unit import Unit
from services.contracts.catalogue import MunicipalityRegistered
from services.contracts.fact import LocalText
from services.contracts.rule_book import RuleBook


def load(storage: Storage, folder: Path, term_id: str | None = None) -> None:
    """Municipalities, rule books, art forms, a term (the one families apply for now) and its courses.

    All in one transaction. Raises OSError for a file that is not there, marshmallow.ValidationError for a
    rule book that does not fit, KeyError for a name of no term, and Refused for a rule book that
    contradicts itself or a row of the course file that cannot stand.
    """
    with storage.unit() as unit:
        code = _county(unit, folder / "county.yaml")
        _municipalities(unit, folder / "municipalities.csv")
        _rule_books(unit, folder / "rulebooks.yaml")
        _art_forms(unit, folder / "art_forms.csv")
        term = term_to_apply_for(unit.today) if term_id is None else term_of_id(term_id)
        if term is None:
            raise KeyError(term_id)
        commands.open_term(unit, term)
        commands.import_courses(unit, (folder / "courses.csv").read_bytes(), term.term_id, scope=code)


def _county(unit: Unit, file: Path) -> str:
    """The county's code, by which its whole course file is covered."""
    document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    code = str(document["code"])
    commands.describe_county(
        unit,
        code,
        LocalText(**document["name"]),
        LocalText(**document["cooperation"]),
        str(document["region"]),
    )
    return code


def _municipalities(unit: Unit, file: Path) -> None:
    for row in _rows(file):
        commands.register_municipality(
            unit,
            MunicipalityRegistered(
                municipality_code=row["code"],
                name=row["name"],
                school_name=row["school_name"] or None,
                member_from=_day(row["member_from"]),
                member_to=_day(row["member_to"]),
                # Columns that only a county needs in which municipalities have merged.
                succeeded_by=row.get("succeeded_by") or None,
                succeeded_on=_day(row.get("succeeded_on") or ""),
            ),
        )


def _rule_books(unit: Unit, file: Path) -> None:
    documents = yaml.safe_load(file.read_text(encoding="utf-8"))
    for rule_book in cast(list[RuleBook], RULE_BOOK.load(documents, many=True)):
        commands.publish_rule_book(unit, rule_book)


def _art_forms(unit: Unit, file: Path) -> None:
    for position, row in enumerate(_rows(file), start=1):
        commands.describe_art_form(unit, row["key"], position, LocalText(sv=row["sv"], en=row["en"]))


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
