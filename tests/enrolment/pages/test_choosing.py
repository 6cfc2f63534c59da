"""What families choose on their pages and by the API: rental, Fritidskort, rank, siblings together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from werkzeug.test import Client

from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from services.contracts.catalogue import RuleBookPublished, TermOpened
from services.contracts.enrolment import PlacePriced
from services.contracts.fact import LocalText
from services.contracts.rule_book import Limits, Ordering
from services.contracts.rule_prices import Pricing, Rental, Voucher
from services.enrolment.domain.requests import Chosen
from services.enrolment.pricer import price_places
from tests.enrolment.api.asking import application, get, post
from tests.enrolment.pages.visitor import Visitor, entered, refusal
from tests.enrolment.story import (
    FIDDLE,
    MARIA,
    NORRBYS_RULES,
    SODERBY,
    TERM,
    children,
    decide,
    facts,
    request,
    rows_of,
    states,
    tell,
)
from tests.web import bearer

RENTAL = Rental(
    38000,
    LocalText("Instrumenthyra", "Instrument rental"),
    max_school_years=1,
    free_instruments=("double_bass",),
    unlimited_instruments=("oboe",),
)
VOUCHER = Voucher(LocalText("Fritidskort", "Fritidskort"))
PRICING = Pricing(rental=RENTAL, voucher=VOUCHER)


def rules(storage: Storage, **changes: Any) -> None:
    tell(storage, RuleBookPublished("norrby-2024", replace(NORRBYS_RULES, **{"pricing": PRICING, **changes})))


@pytest.fixture
def guardian(composition: Composition) -> dict[str, str]:
    return bearer(composition, role="guardian", municipality="1901", person_id=MARIA)


def form(**given: str) -> dict[str, str]:
    return {"application_id": new_id(), "pupil_id": "alma", **given}


def priced(storage: Storage) -> list[tuple[int, str | None, int, int]]:
    """Total, instrument, rental and Fritidskort of what is newly said."""
    before = len(facts(storage, PlacePriced))
    with storage.unit() as unit:
        price_places(unit, 100)
    new = facts(storage, PlacePriced)[before:]
    return [(fact.total_ore, fact.rents, fact.rental_ore, fact.voucher_ore) for fact in new]


class TestApplying:
    def test_the_price_is_shown_before_anything_is_sent(self, storage: Storage, maria: Visitor) -> None:
        rules(storage)
        page = maria.reads("/apply/fiddle")
        for said in ("Rent an instrument", "Double bass", "Pay with a Fritidskort, kronor", "Show the price"):
            assert said in page, said
        given = form(rents="violin", voucher="500")
        shown = maria.sends("/apply/fiddle/price", 200, **given).text
        for said in ("380.00", "730.00", "Instrument rental", "norrby-2024/pricing/voucher"):
            assert said in shown, said
        assert f'value="{given["application_id"]}"' in shown
        assert 'value="violin" selected' in shown
        assert 'value="500' in shown
        assert states(storage) == {}

    def test_what_was_chosen_is_applied_for_and_priced(self, storage: Storage, maria: Visitor) -> None:
        rules(storage)
        maria.sends("/apply/fiddle", **form(rents="violin", voucher="500"))
        (row,) = rows_of(storage).values()
        assert (row.state, row.rents, row.voucher_ore) == ("placed", "violin", 50000)
        assert priced(storage) == [(85000 + 38000 - 50000, "violin", 38000, 50000)]

    def test_the_card_pays_at_most_what_there_is(self, storage: Storage, maria: Visitor) -> None:
        rules(storage)
        maria.sends("/apply/fiddle", **form(voucher="2000"))
        assert priced(storage) == [(0, None, 0, 85000)]

    @pytest.mark.parametrize(
        ("changes", "given", "reason"),
        [
            ({"pricing": Pricing()}, {"rents": "violin"}, "has no instrument to rent for this course"),
            ({"pricing": Pricing()}, {"voucher": "100"}, "does not take a Fritidskort"),
            ({}, {"rents": "spaceship"}, "Choose one of the instruments of the list"),
            (
                {"pricing": replace(PRICING, voucher=replace(VOUCHER, min_age_in_year=12))},
                {"voucher": "100"},
                "A Fritidskort is for the years in which a child turns 12 to 16.",
            ),
        ],
    )
    def test_what_cannot_be_chosen(
        self,
        storage: Storage,
        maria: Visitor,
        changes: dict[str, Any],
        given: dict[str, str],
        reason: str,
    ) -> None:
        """Told with the price, and refused where it is sent all the same."""
        rules(storage, **changes)
        assert reason in maria.sends("/apply/fiddle/price", 200, **form(**given)).text
        assert reason in maria.sends("/apply/fiddle", 422, **form(**given)).text
        assert states(storage) == {}

    @pytest.mark.parametrize("amount", ["-1", "much", "10001", "1.234"])
    def test_no_amount(self, storage: Storage, maria: Visitor, amount: str) -> None:
        rules(storage)
        assert maria.sends("/apply/fiddle", 422, **form(voucher=amount)).status_code == 422
        assert states(storage) == {}


class TestRentalYears:
    def earlier(self, storage: Storage, instrument: str) -> None:
        """Alma rented in the autumn of 2025 and rents again in the spring of 2027."""
        tell(
            storage,
            TermOpened(
                "ht25",
                LocalText("Hösten 2025", "Autumn 2025"),
                TERM.starts_on.replace(year=2025, month=8),
                TERM.ends_on,
                None,
                None,
            ),
            replace(FIDDLE, course_id="before", term_id="ht25"),
        )
        decide(storage, replace(request("old", "before"), chosen=_rents(instrument)))

    @pytest.mark.parametrize(("instrument", "state"), [("violin", 422), ("oboe", 303)])
    def test_no_longer_than_the_rule_book_says(
        self, storage: Storage, maria: Visitor, instrument: str, state: int
    ) -> None:
        rules(storage)
        self.earlier(storage, instrument)
        answer = maria.sends("/apply/fiddle", state, **form(rents=instrument))
        if state == 422:
            assert "may rent an instrument for 1 school years, and has done so" in answer.text
            assert states(storage) == {}

    def test_a_rental_by_the_school_year_is_paid_once_in_it(self, storage: Storage, maria: Visitor) -> None:
        rules(storage, pricing=replace(PRICING, rental=replace(RENTAL, per="school_year")))
        tell(
            storage,
            replace(TERM, term_id="ht26", starts_on=TERM.starts_on.replace(year=2026, month=8)),
            replace(FIDDLE, course_id="before", term_id="ht26"),
        )
        decide(storage, replace(request("old", "before"), chosen=_rents("violin")))
        maria.sends("/apply/fiddle", **form(rents="violin"))
        assert sorted(priced(storage)) == [
            (85000, "violin", 0, 0),
            (85000 + 38000, "violin", 38000, 0),
        ]


def _rents(instrument: str) -> Chosen:
    return Chosen(rents=instrument)


class TestLater:
    def test_on_its_page_a_family_chooses_anew_and_the_price_follows(
        self, storage: Storage, maria: Visitor
    ) -> None:
        rules(storage)
        decide(storage, request("a1"))
        assert priced(storage) == [(85000, None, 0, 0)]
        address = "/my/applications/a1"
        assert "Rental and Fritidskort" in maria.reads(address)
        maria.sends(f"{address}/choose", rents="double_bass", voucher="12,50")
        assert priced(storage) == [(85000 - 1250, "double_bass", 0, 1250)]
        page = maria.reads(address)
        assert 'value="double_bass" selected' in page
        assert "837.50" in page
        maria.sends(f"{address}/choose", rents="", voucher="")
        assert priced(storage) == [(85000, None, 0, 0)]
        assert priced(storage) == []

    def test_what_cannot_be_is_refused(self, storage: Storage, maria: Visitor, visitor: Visitor) -> None:
        rules(storage, pricing=Pricing())
        decide(storage, request("a1"))
        assert (
            "has no instrument to rent" in maria.sends("/my/applications/a1/choose", 422, rents="violin").text
        )
        assert "Rental and Fritidskort" not in maria.reads("/my/applications/a1")
        maria.sends("/my/applications/a1/withdraw")
        assert "has ended" in maria.sends("/my/applications/a1/choose", 409, voucher="1").text
        visitor.is_family("samira").sends("/my/applications/a1/choose", 404, voucher="1")


class TestByStaff:
    """Who has no e-service, with protected identity for instance, rents an instrument by phone or paper."""

    ENTER = "/staff/courses/fiddle/enter"

    def test_with_an_application_on_paper(self, storage: Storage, staff: Visitor) -> None:
        rules(storage)
        page = staff.reads(self.ENTER)
        assert "Rent an instrument" in page
        assert "Pay with a Fritidskort" in page
        staff.sends(self.ENTER, **entered(rents="violin", voucher="500"))
        (application_id,) = rows_of(storage)
        row = rows_of(storage)[application_id]
        assert (row.state, row.rents, row.voucher_ore) == ("placed", "violin", 50000)
        assert priced(storage) == [(85000 + 38000 - 50000, "violin", 38000, 50000)]
        decision = staff.reads(f"/staff/applications/{application_id}")
        for said in ("What the family chose", "Violin", "500.00", "730.00"):
            assert said in decision, said

    def test_a_refusal_keeps_what_was_chosen(self, storage: Storage, staff: Visitor) -> None:
        rules(storage)
        wrong = entered(rents="oboe", voucher="12,50", protected="1")
        page = refusal(staff.sends(self.ENTER, 422, **wrong))
        assert "needs an alias" in page
        assert 'value="oboe" selected' in page
        assert 'value="12,50"' in page
        wrong = entered(rents="spaceship")
        assert "one of the instruments" in refusal(staff.sends(self.ENTER, 422, **wrong))
        assert rows_of(storage) == {}

    def test_nothing_is_asked_where_the_school_has_neither(self, storage: Storage, staff: Visitor) -> None:
        rules(storage, pricing=Pricing())
        page = staff.reads(self.ENTER)
        assert "Rent an instrument" not in page
        assert "Fritidskort" not in page

    def test_later(self, storage: Storage, staff: Visitor, visitor: Visitor) -> None:
        rules(storage)
        decide(storage, request("a1"))
        assert priced(storage) == [(85000, None, 0, 0)]
        address = "/staff/applications/a1"
        form = {"rents": "violin", "voucher": "", "why": "The guardian called on Monday."}
        staff.sends(f"{address}/choose", **form)
        assert priced(storage) == [(85000 + 38000, "violin", 38000, 0)]
        page = staff.reads(address)
        assert "The choice is saved" in page
        assert "The guardian called on Monday." in page
        assert "one of the instruments" in refusal(
            staff.sends(f"{address}/choose", 422, **{**form, "rents": "spaceship"})
        )
        staff.sends(f"{address}/choose", 422, **{**form, "why": " "})
        visitor.is_staff(SODERBY).sends(f"{address}/choose", 403, **form)
        visitor.is_family(MARIA).sends(f"{address}/choose", 403, **form)
        assert priced(storage) == []


class TestByApi:
    def test_price_apply_and_choose(self, storage: Storage, client: Client, guardian: dict[str, str]) -> None:
        rules(storage)
        body = {"pupil_id": "alma", "rents": "violin", "voucher_ore": 50000}
        price = post(client, "/courses/fiddle/price", guardian, body)["price"]
        assert [line["amount_ore"] for line in price["lines"]] == [85000, 38000, -50000]
        refused = post(client, "/courses/fiddle/price", guardian, {**body, "rents": "spaceship"}, 422)
        assert refused["name"] == "instrument_unknown"
        assert post(client, "/courses/fiddle/price", guardian, {**body, "pupil_id": "noor"}, 404)
        sent = application(rents="violin", voucher_ore=50000)
        answer = post(client, "/applications", guardian, sent)
        path = f"/applications/{answer['application_id']}"
        found = get(client, path, guardian)
        assert (found["rents"], found["voucher_ore"], found["price"]["total_ore"]) == ("violin", 50000, 73000)
        changed = post(client, f"{path}/choose", guardian, {"rents": None, "voucher_ore": 0})
        assert changed["price"]["total_ore"] == 85000
        assert post(client, f"{path}/choose", guardian, {"voucher_ore": -1}, 422)

    def test_together_and_in_order(self, storage: Storage, client: Client, guardian: dict[str, str]) -> None:
        limits = Limits(courses=1, ranked_choices=3)
        rules(storage, limits=limits, ordering=Ordering(siblings_together=True))
        first, second = children(storage, 2, guardian=MARIA)
        party = {"siblings": [{"application_id": new_id(), "pupil_id": each} for each in (first, second)]}
        outcomes = post(client, "/courses/fiddle/applications-together", guardian, party)["outcomes"]
        assert [each["state"] for each in outcomes] == ["placed", "placed"]
        alone = {"siblings": party["siblings"][:1]}
        assert post(client, "/courses/fiddle/applications-together", guardian, alone, 422)
        better = application("dance", first, choice=1)
        assert post(client, "/applications", guardian, better)["state"] == "placed"
        assert [each.outcome for each in rows_of(storage).values() if each.state == "ended"] == [
            "better_choice"
        ]
        order = {"application_ids": [better["application_id"]]}
        answer = client.put(f"/api/enrolment/pupils/{first}/choices", headers=guardian, json=order)
        assert answer.status_code == 200
        answer = client.put("/api/enrolment/pupils/noor/choices", headers=guardian, json=order)
        assert (answer.status_code, answer.json and answer.json["name"]) == (404, "pupil_unknown")


class TestPages:
    def test_siblings_apply_together(self, storage: Storage, maria: Visitor) -> None:
        rules(storage, ordering=Ordering(siblings_together=True))
        pair = children(storage, 2, guardian=MARIA)
        page = maria.reads("/apply/fiddle")
        assert "they get places on the course together or not at all" in page
        given = {f"application_{each}": new_id() for each in pair}
        maria.sends("/apply/fiddle/together", pupil_id=pair, **given)
        assert set(states(storage).values()) == {"placed"}
        assert "one answer is for all of them" in maria.reads(
            f"/my/applications/{given[f'application_{pair[0]}']}"
        )
        assert (
            "Tick at least two children"
            in maria.sends("/apply/fiddle/together", 422, pupil_id=[pair[0]], **given).text
        )
        maria.sends("/apply/fiddle/together", 422, pupil_id=pair)

    def test_without_the_rule_nobody_is_asked(self, storage: Storage, maria: Visitor) -> None:
        children(storage, 2, guardian=MARIA)
        assert "Siblings together" not in maria.reads("/apply/fiddle")
        assert "Which choice is it?" not in maria.reads("/apply/fiddle")

    def test_a_family_ranks_on_its_page(self, storage: Storage, maria: Visitor, visitor: Visitor) -> None:
        rules(storage, limits=Limits(courses=2, ranked_choices=3))
        first, second = new_id(), new_id()
        maria.sends("/apply/fiddle", **form(application_id=first))
        page = maria.reads("/apply/dance")
        assert "Which choice is it?" in page
        assert '<option value="2" selected>' in page
        maria.sends("/apply/dance", **form(application_id=second, choice="2"))
        assert "The order of the choices at Norrby kulturskola" in maria.reads("/my")
        order = {f"choice_{first}": "2", f"choice_{second}": "1"}
        maria.sends("/my/children/alma/choices", **order)
        assert {name: row.choice for name, row in rows_of(storage).items()} == {first: 2, second: 1}
        maria.sends("/my/children/leo/choices", 404, **order)
        visitor.is_family("samira").sends("/my/children/alma/choices", 404, **order)
