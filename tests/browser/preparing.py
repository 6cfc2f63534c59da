"""What must have happened in the county before a journey in the browser begins, done through the JSON API."""

from __future__ import annotations

import csv
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from services.chassis.ids import derived_id
from services.chassis.personal_identity import with_check_digit
from services.chassis.settings import COUNTY_FOLDER
from tests.journeys.product import Product, until

NORBERG, VASTERAS, SALA = "1962", "1980", "1981"
MARIA = derived_id("guardian", "g-norberg")
SAMIRA = derived_id("guardian", "g-vasteras")
COLUMNS = (
    "course_key,municipality_code,rule_book_id,title_sv,title_en,description_sv,description_en,art_form,fee_kind,"
    "weekday,starts_at,minutes,room,min_age,max_age,capacity,shared"
)
_serials = iter(range(100, 900))


def prepare(product: Product, folder: Path) -> None:
    """A round in Sala; offers to Maria's children in Västerås; free seats with a queue in Norberg."""
    _open_round(product, folder, {"Rundans sång": 5, "Rundans dans": 5})
    for name in ("desktop", "phone"):
        for answer in ("Ja", "Nej"):
            _offer_to_maria(product, f"{answer} {name}")
        _seats_and_queue(product, f"Kö {name}")
    product.wait_until_quiet()


def prepare_round(product: Product, folder: Path) -> None:
    """A round in Sala with one seat to sing. Two of Sala want it, ahead of Maria's children by the rules."""
    round_id, courses = _open_round(
        product, folder, {"Rundans sång": 1, "Rundans dans": 5, "Rundans teater": 5}
    )
    with (COUNTY_FOLDER / "guardians.csv").open(encoding="utf-8") as file:
        key = next(row["guardian_key"] for row in csv.DictReader(file) if row["municipality_code"] == SALA)
    guardian = (SALA, derived_id("guardian", key))
    path = f"/api/enrolment/rounds/{round_id}/rankings"
    wishes, who = [courses["Rundans sång"]], product.token("guardian", *guardian)
    for name in ("Ylva", "Ylve"):
        pupil = _new_pupil(product, guardian, name)
        _call(product, "POST", path, who, pupil_ids=[pupil], course_ids=wishes)
    product.wait_until_quiet()


def _call(product: Product, method: str, path: str, who: dict[str, str], **body: Any) -> Any:
    answer = product.call(method, path, who, json=body)
    assert answer.status_code in (200, 201), answer.text
    return answer.json()


def _course(product: Product, host: str, book: str, title: str, capacity: int, kind: str) -> str:
    key = f"browser-{uuid.uuid4().hex[:12]}"
    row = (f"{key},{host},{book},{title},{title},Vi ses.,We meet.,dance,{kind},"
           f"4,17:00,60,Sal 1,5,19,{capacity},yes")  # fmt: skip
    staff = product.token("staff", host)
    _call(product, "POST", "/api/catalogue/courses/import", staff, csv=f"{COLUMNS}\n{row}\n", dry_run=False)
    found = product.call("GET", "/api/catalogue/courses", params={"words": title}).json()["courses"]
    (course_id,) = [each["course_id"] for each in found if each["title"]["sv"] == title]
    path = f"/api/enrolment/courses/{course_id}/participants"
    until(lambda: product.call("GET", path, staff).status_code == 200)
    return str(course_id)


def _new_pupil(product: Product, guardian: tuple[str, str], name: str) -> str:
    """A new child of the guardian (municipality, id)."""
    pupil, number = str(uuid.uuid4()), with_check_digit(f"20170310{next(_serials):03d}")
    _call(product, "POST", "/api/enrolment/pupils", product.token("guardian", *guardian), pupil_id=pupil,
          given_name=name, family_name="Ek", personal_identity=number)  # fmt: skip
    return pupil


def _applied(product: Product, course: str, guardian: tuple[str, str], name: str) -> str:
    """The application of a new child of the guardian (municipality, id)."""
    who, application = product.token("guardian", *guardian), str(uuid.uuid4())
    pupil = _new_pupil(product, guardian, name)
    _call(product, "POST", "/api/enrolment/applications", who, application_id=application, course_id=course,
          pupil_id=pupil)  # fmt: skip
    return application


def _withdraw(product: Product, application: str) -> None:
    samira = product.token("guardian", VASTERAS, SAMIRA)
    _call(product, "POST", f"/api/enrolment/applications/{application}/withdraw", samira)


def _offer_to_maria(product: Product, title: str) -> None:
    course = _course(product, VASTERAS, "vasteras-2024", title, 1, "dance")
    first = _applied(product, course, (VASTERAS, SAMIRA), "Rut")
    _applied(product, course, (NORBERG, MARIA), f"{title.split(maxsplit=1)[0]}bo")
    _withdraw(product, first)


def _seats_and_queue(product: Product, title: str) -> None:
    """Two seats came free, and three wait: staff in Norberg make the offers."""
    course = _course(product, NORBERG, "norberg-demo", title, 2, "dance")
    seated = [_applied(product, course, (VASTERAS, SAMIRA), name) for name in ("Rut", "Siv")]
    for name in ("Edda", "Freja", "Gry"):
        _applied(product, course, (NORBERG, MARIA), name)
    for application in seated:
        _withdraw(product, application)


def _open_round(product: Product, folder: Path, seats: Mapping[str, int]) -> tuple[str, dict[str, str]]:
    """The id of a round in Sala, under a rule book that gives places so, and its courses' ids by title."""
    county = folder / "county"
    shutil.copytree(COUNTY_FOLDER, county)
    file = county / "rulebooks.yaml"
    books = yaml.safe_load(file.read_text(encoding="utf-8"))
    sala = next(book for book in books if book["rule_book_id"].startswith("sala"))
    books.append({**sala, "rule_book_id": "sala-round", "admission": "round"})
    file.write_text(yaml.safe_dump(books, allow_unicode=True), encoding="utf-8")
    product.command("load", str(county))
    courses = {title: _course(product, SALA, "sala-round", title, n, "dance") for title, n in seats.items()}
    term = product.call("GET", "/api/catalogue/terms").json()["terms"][0]["term_id"]
    round_id = str(uuid.uuid4())
    _call(product, "POST", "/api/enrolment/rounds", product.token("staff", SALA), round_id=round_id,
          term_id=term, most_wishes=3)  # fmt: skip
    return round_id, courses
