"""A new version of the agreement is seen with what it changes, recorded once, and changes no year itself."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from werkzeug.test import Client

from services.billing.commands import agreements as commands
from services.billing.domain.agreements import DayOfYear, Membership, terms_document
from services.billing.domain.basis import Agreement
from services.billing.queries import basis as queries
from services.billing.queries.agreeing import YearEffect, effects
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.refusals import Refused
from services.chassis.storage.engine import Storage
from tests.billing import booking
from tests.billing.booking import BY, YEAR
from tests.billing.examples import NINE_ORE
from tests.billing.test_ledger import by_hand
from tests.billing.test_pages import words
from tests.web import bearer, client_of, sign_in


def newest(storage: Storage) -> Agreement:
    with storage.reading() as connection:
        return queries.every_agreement(connection)[0]


def changed(storage: Storage, **changes: Any) -> Agreement:
    """The version after the newest, from 2025 on."""
    agreement = newest(storage)
    assert agreement.terms is not None
    terms = {name: changes.pop(name) for name in list(changes) if hasattr(agreement.terms, name)}
    about = {"version": agreement.version + 1, "valid_from": date(2025, 1, 1), **changes}
    return replace(agreement, terms=replace(agreement.terms, **terms), **about)


def seen(storage: Storage, agreement: Agreement) -> tuple[YearEffect, ...]:
    with storage.reading() as connection:
        return effects(connection, agreement)


def record(storage: Storage, agreement: Agreement) -> None:
    with storage.unit() as unit:
        commands.record_version(unit, agreement, BY)


def test_the_preview_is_what_computing_gives(storage: Storage) -> None:
    booking.open_year(storage)
    agreement = changed(storage, region_percent=40, members=_without("1962", date(2025, 6, 30)))
    (effect,) = seen(storage, agreement)
    assert (effect.year, effect.total_delta_ore, effect.changes) == (YEAR, 0, True)
    assert {each.code: each.before_ore for each in effect.payers if each.code in NINE_ORE} == NINE_ORE
    record(storage, agreement)
    assert booking.newest(storage).version == 1, "recorded alone it computes nothing"
    run = booking.compute(storage)
    assert {each.code: each.after_ore for each in effect.payers} == dict(run.shares_ore)
    assert run.region_ore == 40_000_000


def _without(code: str, left_on: date) -> tuple[Membership, ...]:
    return tuple(
        Membership(each, each, date(2015, 1, 1), left_on if each == code else None)
        for each in sorted(NINE_ORE)
    )


def test_another_reference_date_is_previewed_with_its_population(storage: Storage) -> None:
    booking.open_year(storage)
    agreement = newest(storage)
    assert agreement.terms is not None
    rule = replace(agreement.terms.population, years_before=2)
    (effect,) = seen(storage, changed(storage, population=rule))
    assert effect.population_date == date(2023, 12, 31)
    rule = replace(rule, day=DayOfYear(6, 30))
    (effect,) = seen(storage, changed(storage, population=rule))
    assert effect.why_not is not None
    assert effect.why_not.name == "population_missing"
    assert effect.payers == ()


def test_a_version_that_begins_later_decides_no_opened_year(storage: Storage) -> None:
    booking.open_year(storage)
    assert seen(storage, changed(storage, region_percent=10, valid_from=date(2025, 1, 2))) == ()


def test_sent_twice_it_is_one_and_a_version_out_of_turn_is_refused(storage: Storage) -> None:
    first = changed(storage, region_percent=60)
    for _ in range(2):
        record(storage, first)
    with pytest.raises(Refused) as caught:
        record(storage, replace(first, region_percent=70))
    assert caught.value.refusal.name == "agreement_version_kept"
    for version in (1, 4):
        with pytest.raises(Refused) as caught:
            record(storage, replace(first, version=version))
        assert caught.value.refusal.name == "agreement_version_not_next"
    with pytest.raises(Refused) as caught:
        record(storage, replace(first, version=3, source=" "))
    assert caught.value.refusal.name == "agreement_without_words"
    with storage.reading() as connection:
        assert [each.version for each in queries.every_agreement(connection)] == [2, 1]


@pytest.fixture
def client(composition: Composition) -> Client:
    booking.open_year(composition.parts.storage)
    client = client_of(composition)
    client.set_cookie("samklang_language", "en")
    return client


def form_of(page: str) -> dict[str, str]:
    """What a browser would send: inputs, text areas and chosen options."""
    given = {}
    for tag in re.findall(r"<input [^>]*>", page):
        name, value = re.search(r' name="([^"]+)"', tag), re.search(r' value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            given[name[1]] = value[1] if value else ""
    for name, text in re.findall(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)</textarea>', page):
        given[name] = text
    for name, options in re.findall(r'<select[^>]* name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        given[name] = chosen[1] if chosen else ""
    return given


def test_written_seen_and_recorded_on_the_pages(client: Client, composition: Composition) -> None:
    storage = composition.parts.storage
    sign_in(client, composition, role="finance", municipality="19", name="Anders")
    given = form_of(client.get("/finance/agreement/new").text)
    assert (given["version"], given["due_days"]) == ("2", "01-31, 04-30, 07-31, 10-31")
    given |= {
        "valid_from": "2025-01-01",
        "region_percent": "60",
        "source": "Minutes 7",
        "due_days": "01-31, 07-31",
    }
    del given["from_register"]
    wrong = client.post("/finance/agreement/new", data={**given, "due_days": "02-29, 07-31"})
    assert (wrong.status_code, "does not come every year" in wrong.text) == (422, True)
    wrong = client.post("/finance/agreement/new", data={**given, "due_days": "soon"})
    assert (wrong.status_code, "Write month and day" in wrong.text) == (422, True)
    page = client.post("/finance/agreement/new", data={**given, "step": "preview"})
    said = words(page)
    assert "Region Västmanland 50 percent 60 percent" in said
    assert "half-yearly: 01-31, 07-31" in said
    assert "+100,000.00" in said
    assert newest(storage).version == 1
    kept = form_of(page.text)
    assert client.post("/finance/agreement/new", data={**kept, "step": "edit"}).status_code == 200
    for _ in range(2):
        assert client.post("/finance/agreement/new", data={**kept, "step": "record"}).status_code == 303
    agreement = newest(storage)
    assert (agreement.version, agreement.region_percent, agreement.source) == (2, 60, "Minutes 7")
    assert agreement.terms is not None
    assert {span.code for span in agreement.terms.members or ()} == set(NINE_ORE)
    late = client.post("/finance/agreement/new", data={**kept, "region_percent": "70", "step": "record"})
    assert (late.status_code, "kept with other terms" in late.text) == (409, True)


def test_only_the_county_writes_the_agreement(client: Client, composition: Composition) -> None:
    token = sign_in(client, composition, role="finance", municipality="1962")
    assert client.get("/finance/agreement/new").status_code == 403
    assert client.post("/finance/agreement/new", data={"csrf_token": token}).status_code == 403
    assert "/finance/agreement/new" not in client.get("/finance/agreement").text


def body_of(agreement: Agreement) -> dict[str, Any]:
    assert agreement.terms is not None
    terms = terms_document(agreement.terms)
    days = [{"month": month, "day": day} for month, day in terms["due_days"]]
    return {
        "version": agreement.version,
        "valid_from": agreement.valid_from.isoformat(),
        "region_percent": agreement.region_percent,
        "text_sv": agreement.text.sv,
        "text_en": agreement.text.en,
        "source": agreement.source,
        "terms": {**terms, "due_days": days},
    }


def test_the_api_previews_and_records_the_same(client: Client, composition: Composition) -> None:
    storage = composition.parts.storage
    county = bearer(composition, role="finance", municipality="19")
    agreement = changed(storage, region_percent=60)
    body = body_of(agreement)
    told = client.post("/api/billing/agreements/preview", json=body, headers=county).get_json()
    assert [each["delta_ore"] for each in told["years"][0]["payers"] if each["code"] == "19"] == [10_000_000]
    assert told["years"][0]["why_not"] is None
    for _ in range(2):
        done = client.post("/api/billing/agreements", json=body, headers=county)
        assert (done.status_code, done.get_json()) == (200, {"version": 2})
    assert newest(storage) == agreement
    bad = client.post("/api/billing/agreements/preview", json={**body, "region_percent": 101}, headers=county)
    assert (bad.status_code, bad.get_json()["name"]) == (422, "region_percent_impossible")
    norberg = bearer(composition, role="finance", municipality="1962")
    for path in ("/api/billing/agreements", "/api/billing/agreements/preview"):
        assert client.post(path, json=body, headers=norberg).status_code == 403


def test_a_voucher_by_hand_is_reversed_through_the_api_once(client: Client, composition: Composition) -> None:
    storage = composition.parts.storage
    county = bearer(composition, role="finance", municipality="19")
    voucher = by_hand(storage)
    path = f"/api/billing/years/{YEAR}/vouchers/{voucher}/reversal"
    body = {"new_id": new_id(), "reason": "the wrong account"}
    norberg = bearer(composition, role="finance", municipality="1962")
    assert client.post(path, json=body, headers=norberg).status_code == 403
    first = client.post(path, json=body, headers=county)
    assert (first.status_code, client.post(path, json=body, headers=county).get_json()) == (
        200,
        first.get_json(),
    )
    other = client.post(path, json={**body, "new_id": new_id()}, headers=county)
    assert (other.status_code, other.get_json()["name"]) == (409, "voucher_reversed")
    elsewhere = client.post(path.replace("2025", "2024"), json=body, headers=county)
    assert elsewhere.status_code == 404
    book = client.get(f"/api/billing/years/{YEAR}/ledger", headers=county).get_json()
    assert sum(each["balance_ore"] for each in book["balances"]) == 0
    assert [each["corrects_id"] for each in book["vouchers"] if each["corrects_id"]] == [voucher]
