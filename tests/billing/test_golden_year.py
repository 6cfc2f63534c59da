"""A golden year, told as one journey through the API: 2025, from its budget to its statements.

Budget, four instalments, a population that is revised, a festival that is cancelled, a member that leaves on
30 June, payments with every kind of defect, a reminder, netting, closing, SIE read back, and the year
statements. After every step every equation is checked: by the service's own check, by its reconciliation, and
once more here, from the payments and the statements.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from werkzeug.test import Client

from services.billing.checks import check
from services.billing.domain import siefile
from services.chassis.clock import FixedClock
from services.chassis.ids import new_id
from services.chassis.process import Composition
from services.chassis.storage.engine import Storage
from tests.billing.bank_files import Line, Part, bank_file
from tests.billing.booking import CHART
from tests.billing.examples import NINE_ORE, REGION
from tests.billing.test_payments import kronor
from tests.web import bearer, client_of, sign_in

NORBERG, SALA, ARBOGA, KUNGSOR, HALLSTAHAMMAR, SKINNSKATTEBERG = (
    "1962",
    "1981",
    "1984",
    "1960",
    "1961",
    "1904",
)
VASTERAS, KOPING, FAGERSTA = "1980", "1983", "1982"
BUDGET = {"study_days": 180_000_00, "orchestra": 240_000_00, "festival": 150_000_00, "tour": 90_000_00}
BUDGET |= {"coordination": 340_000_00}
TOLD = (REGION, NORBERG, SALA)  # whose statements are read after every step; everybody's are at the end
WAITING = "the shares are"  # how the check says that a correction waits


class Year:
    """2025 as the county's finance officer lives it. Every call is the API's, every day the clock's."""

    def __init__(self, client: Client, composition: Composition, clock: FixedClock) -> None:
        self._client, self._composition, self._clock = client, composition, clock

    @property
    def storage(self) -> Storage:
        return self._composition.parts.storage

    def on(self, day: str) -> None:
        self._clock.time = datetime.fromisoformat(f"{day}T09:00:00").replace(tzinfo=UTC)

    def call(self, method: str, path: str, body: dict[str, Any] | None = None, *, status: int = 200) -> Any:
        headers = bearer(self._composition, role="finance", municipality=REGION)
        answer = self._client.open(f"/api/billing{path}", method=method, json=body, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.get_json()

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def file(self, path: str) -> bytes:
        """A download of the pages, by the county's finance officer."""
        browser = client_of(self._composition)
        sign_in(browser, self._composition, role="finance", municipality=REGION, name="Anders")
        answer = browser.get(path)
        assert answer.status_code == 200, answer.text
        return answer.data

    def invoices(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/years/2025/invoices")["invoices"]
        return found

    def open_of(self, code: str) -> list[dict[str, Any]]:
        """A payer's open invoices, the oldest first."""
        return [each for each in self.invoices() if each["payer_code"] == code and each["open_ore"] > 0]

    def payments(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get("/payments")["payments"]
        return found

    def bank(self, name: str, lines: list[Line]) -> dict[str, Any]:
        content = bank_file(lines, statement_id=name).decode()
        taken: dict[str, Any] = self.call("POST", "/statements", {"content": content})
        return taken

    def compute(self) -> str:
        run_id: str = self.call("POST", "/years/2025/compute", {"run_id": new_id()})["run_id"]
        return run_id

    def issue(self, number: int, run_id: str) -> list[str]:
        body = {"run_id": run_id}
        ids: list[str] = self.call("POST", f"/years/2025/instalments/{number}", body)["invoice_ids"]
        again: list[str] = self.call("POST", f"/years/2025/instalments/{number}", body)["invoice_ids"]
        assert ids == again, "asked twice, it is issued once"
        return ids

    def correct(self, reason: str) -> dict[str, Any]:
        seen: dict[str, Any] = self.get("/years/2025/correction")
        body = {name: seen[name] for name in ("run_id", "fingerprint")}
        body |= {"correction_id": new_id(), "reason": reason}
        assert self.call("POST", "/years/2025/correction", body) == self.call(
            "POST", "/years/2025/correction", body
        )
        return seen

    def book(self, payment_id: str, invoice: dict[str, Any], ore: int) -> None:
        asked = [{"invoice_id": invoice["invoice_id"], "amount_ore": ore}]
        body = {"booking_id": new_id(), "allocations": asked, "reason": "told by the payer"}
        self.call("POST", f"/payments/{payment_id}/bookings", body)

    def settle(self) -> None:
        """What was paid on invoices that are credited since is put on what is open, the oldest first."""
        credited = {each["invoice_id"] for each in self.invoices() if each["open_ore"] < 0}
        for payment in self.payments():
            path = f"/payments/{payment['payment_id']}"
            for booking in self.get(path)["bookings"]:
                live = booking["undone_by_id"] is None and booking["undoes_id"] is None
                if live and credited & {part["invoice_id"] for part in booking["parts"]}:
                    body = {"booking_id": new_id(), "reason": "its invoice is credited"}
                    self.call("POST", f"{path}/bookings/{booking['booking_id']}/undo", body)
        for payment in reversed(self.payments()):
            rest = payment["rest_ore"]
            for invoice in self.open_of(payment["payer_code"]) if rest > 0 and payment["payer_code"] else []:
                ore = min(rest, invoice["open_ore"])
                if ore > 0:
                    self.book(payment["payment_id"], invoice, ore)
                    rest -= ore

    def holds(self, *, correction_waits: bool = False) -> dict[str, Any]:
        """Every equation, after a step; the reconciliation by payer."""
        with self.storage.reading() as connection:
            findings = check(connection)
        if correction_waits:
            assert len(findings) == 1, findings
            assert WAITING in findings[0]
        else:
            assert findings == []
        found: dict[str, Any] = self.get("/years/2025/reconciliation")
        assert found["agrees"] is not correction_waits
        rows = {row["code"]: row for row in found["rows"]}
        for row in rows.values():
            asked = row["invoiced_ore"] - row["credited_ore"]
            assert row["open_ore"] == row["balance_ore"] == asked - row["paid_ore"] - row["netted_ore"]
            assert correction_waits or row["share_ore"] == asked + row["to_come_ore"]
        assert sum(row["share_ore"] for row in rows.values()) == found["budget_ore"]
        self._money(rows)
        self.statements(rows, TOLD)
        return rows

    def _money(self, rows: dict[str, dict[str, Any]]) -> None:
        """What came in is on the bank; what is not on an invoice yet is nobody's but unallocated."""
        balances: dict[str, int] = {}
        for year in (2025, 2026):
            for each in self.get(f"/years/{year}/ledger")["balances"]:
                balances[each["account"]] = balances.get(each["account"], 0) + each["balance_ore"]
        assert sum(balances.values()) == 0
        paid = self.payments()
        in_bank = sum((each["worth_ore"] or 0) * (1 if each["is_credit"] else -1) for each in paid)
        assert balances.get(CHART.number("bank"), 0) == in_bank
        assert -balances.get(CHART.number("unallocated_payments"), 0) == sum(p["rest_ore"] for p in paid)
        claims = sum(balances.get(account, 0) for account in CHART.receivables)
        assert claims == sum(row["open_ore"] for row in rows.values())

    def statements(self, rows: dict[str, dict[str, Any]], codes: Iterable[str]) -> None:
        """Each payer's statement adds up by itself, and says what the reconciliation says."""
        for code in codes:
            row = rows[code]
            sums = self.statement(code)
            assert sums["Andel av budgeten"] == row["share_ore"]
            assert sums["Fakturor"] == sums["Fakturerat"] - sums["Krediterat"]
            assert sums["Reglerat"] == sums["Betalt"] + sums["Kvittat"] == row["paid_ore"] + row["netted_ore"]
            assert sums["Öppet"] == sums["Fakturor"] - sums["Reglerat"] == row["open_ore"]

    def statement(self, code: str) -> dict[str, int]:
        """The figures of a year statement in öre: each line of its summary, and the sums of its sections."""
        text = self.file(f"/finance/2025/statements/{code}/statement.csv").decode("utf-8-sig")
        sums = {"Fakturor": 0, "Reglerat": 0}
        for row in csv.DictReader(io.StringIO(text), delimiter=";"):
            if row["Belopp, kr"]:
                ore = int(row["Belopp, kr"].replace(",", ""))
                place = row["Post"] if row["Avsnitt"] == "Summering" else row["Avsnitt"]
                sums[place] = sums.get(place, 0) + ore
        return sums

    def sie(self, first: str, last: str) -> siefile.Read:
        return siefile.read(self.file(f"/finance/sie/vouchers.se?first={first}&last={last}"))


@pytest.fixture
def year(composition: Composition, clock: FixedClock) -> Year:
    return Year(client_of(composition), composition, clock)


def test_the_golden_year(year: Year) -> None:
    run = _january_budget_and_first_instalment(year)
    _february_payments_with_every_defect(year)
    _norberg_is_late(year)
    run = _march_a_population_is_revised(year)
    run = _april_the_second_instalment_and_a_cancelled_festival(year, run)
    run = _june_a_member_leaves(year, run)
    _autumn_two_more_instalments_and_netting(year, run)
    _the_books_are_closed_and_handed_over(year)


def _decide(year: Year, lines: dict[str, int], reason: str = "") -> None:
    body = {
        "budget_id": new_id(),
        "lines": [{"kind": kind, "text": kind, "amount_ore": ore} for kind, ore in lines.items()],
        "decided_by": "The steering group",
        "decided_on": "2024-10-15",
    }
    for _ in range(2):
        year.call("POST", "/years/2025/budget", {**body, "reason": reason} if reason else body)


def _january_budget_and_first_instalment(year: Year) -> str:
    year.on("2025-01-10")
    _decide(year, BUDGET)
    run = year.compute()
    rows = year.holds()
    assert {code: row["share_ore"] for code, row in rows.items()} == {REGION: 500_000_00, **NINE_ORE}
    assert len(year.issue(1, run)) == 10
    rows = year.holds()
    assert sum(row["invoiced_ore"] for row in rows.values()) == 250_000_00
    return run


def _february_payments_with_every_defect(year: Year) -> None:
    """Exact, partial, over, unknown, foreign, a batch, a reversal, and the statement once more."""
    year.on("2025-02-10")
    asked = {each["payer_code"]: each for each in year.invoices()}

    def part(code: str, ore: int | None = None, **more: Any) -> Part:
        return Part(
            kronor(asked[code]["amount_ore"] if ore is None else ore), asked[code]["reference"], **more
        )

    def line(code: str, ore: int | None = None, day: str = "2025-02-07") -> Line:
        one = part(code, ore, end_to_end=f"E-{code}-{day}")
        return Line(one.amount, [one], day=day, bank_reference=f"B-{code}-{day}")

    together = [part(KUNGSOR), part(HALLSTAHAMMAR)]
    both = kronor(asked[KUNGSOR]["amount_ore"] + asked[HALLSTAHAMMAR]["amount_ore"])
    february = [
        *(line(code) for code in (REGION, VASTERAS, KOPING, FAGERSTA, SKINNSKATTEBERG)),
        line(SALA, asked[SALA]["amount_ore"] - 1_00),
        line(ARBOGA, asked[ARBOGA]["amount_ore"] + 2_50),
        Line(both, together, day="2025-02-07", bank_reference="B-batch"),
        Line("12.34", [Part("12.34", payer="Okänd AB", payer_number="")], day="2025-02-07"),
        Line("50.00", [Part("50.00", currency="EUR", payer_number="")], currency="EUR", day="2025-02-07"),
    ]
    taken = year.bank("february", february)
    assert (taken["payments"], taken["booked"], taken["waiting"]) == (11, 9, 2)
    assert year.bank("february", february)["again"] is True
    rows = year.holds()
    assert rows[SALA]["open_ore"] == 1_00
    outcomes = [each["outcome"] for each in year.payments()]
    assert sorted(set(outcomes)) == ["exact", "foreign_currency", "over", "partial", "unknown"]

    year.on("2025-02-17")
    back = part(SKINNSKATTEBERG, end_to_end=f"E-{SKINNSKATTEBERG}-2025-02-07", returned=True)
    out = [
        Line(back.amount, [back], credit=False, reversal=True, day="2025-02-14", bank_reference="B-back"),
        Line("12.34", [Part("12.34", payer="Okänd AB", payer_number="")], credit=False, day="2025-02-14"),
    ]
    year.bank("mid-february", out)
    rows = year.holds()
    assert rows[SKINNSKATTEBERG]["open_ore"] == asked[SKINNSKATTEBERG]["amount_ore"]
    by = {each["outcome"]: each for each in year.payments()}
    body = {"returns_id": by["unknown"]["payment_id"], "reason": "it was not for us"}
    year.call("POST", f"/payments/{by['outgoing']['payment_id']}/return", body)
    euro = by["foreign_currency"]["payment_id"]
    year.call("POST", f"/payments/{euro}/value", {"amount_ore": 560_00, "reason": "the bank's rate"})
    (norberg,) = year.open_of(NORBERG)
    year.book(euro, norberg, 560_00)
    year.bank("later", [line(SKINNSKATTEBERG, day="2025-02-17"), line(SALA, 1_00, day="2025-02-17")])
    rows = year.holds()
    still_open = {code: row["open_ore"] for code, row in rows.items() if row["open_ore"]}
    assert still_open == {NORBERG: norberg["amount_ore"] - 560_00}
    assert [each["rest_ore"] for each in year.payments() if each["rest_ore"]] == [2_50]


def _norberg_is_late(year: Year) -> None:
    year.on("2025-02-20")
    seen = year.get("/reminders")
    assert [(each["payer_code"], each["next_level"]) for each in seen["late"]] == [(NORBERG, 1)]
    body = {
        "batch_id": new_id(),
        "fingerprint": seen["fingerprint"],
        "invoice_ids": [each["invoice_id"] for each in seen["late"]],
    }
    assert year.call("POST", "/reminders", body) == year.call("POST", "/reminders", body)
    assert [each["level"] for each in year.get("/reminders")["sent"]] == [1]
    year.holds()


def _march_a_population_is_revised(year: Year) -> str:
    year.on("2025-03-05")
    figure = {"municipality_code": SALA, "reference_date": "2024-12-31", "population": 22_900}
    year.call("POST", "/populations", {"populations": [{**figure, "source": "scb.se, revised"}]})
    run = year.compute()
    year.holds(correction_waits=True)
    seen = year.correct("SCB revised Sala")
    assert (seen["total_delta_ore"], len(seen["changes"])) == (0, 9)
    year.holds()
    year.settle()
    rows = year.holds()
    assert rows[SALA]["open_ore"] == 24_05
    assert not year.open_of(KOPING)
    return run


def _pay_what_is_open(year: Year, name: str, day: str, *, but: tuple[str, ...] = ()) -> None:
    """Every payer pays its open invoices, in one batch."""
    parts = [
        Part(
            kronor(each["open_ore"]),
            each["reference"],
            payer_number="",
            end_to_end=f"{name}-{each['number']}",
        )
        for each in year.invoices()
        if each["open_ore"] > 0 and each["payer_code"] not in but
    ]
    total = sum(
        each["open_ore"] for each in year.invoices() if each["open_ore"] > 0 and each["payer_code"] not in but
    )
    taken = year.bank(name, [Line(kronor(total), parts, day=day, bank_reference=f"B-{name}")])
    assert (taken["payments"], taken["waiting"]) == (len(parts), 0)


def _april_the_second_instalment_and_a_cancelled_festival(year: Year, run: str) -> str:
    year.on("2025-04-01")
    year.issue(2, run)
    year.holds()
    year.settle()  # what was paid too much of the first instalment goes to the second
    year.holds()
    year.on("2025-04-30")
    _pay_what_is_open(year, "april", "2025-04-29")
    rows = year.holds()
    assert sum(row["open_ore"] for row in rows.values()) == 0
    year.on("2025-05-05")
    _decide(
        year, {kind: ore for kind, ore in BUDGET.items() if kind != "festival"}, "the festival is cancelled"
    )
    run = year.compute()
    year.holds(correction_waits=True)
    seen = year.correct("The festival is cancelled")
    assert (seen["total_delta_ore"], seen["budget_change_ore"]) == (-150_000_00, -150_000_00)
    rows = year.holds()
    assert sum(row["share_ore"] for row in rows.values()) == 850_000_00
    year.settle()
    rows = year.holds()
    # Two of four instalments were paid by the larger budget: the payers have it to their good.
    assert sum(each["rest_ore"] for each in year.payments()) == 75_000_00
    return run


def _june_a_member_leaves(year: Year, run: str) -> str:
    year.on("2025-06-10")
    year.call("POST", "/agreements/members", {"municipality_code": NORBERG, "left_on": "2025-06-30"})
    after = year.compute()
    assert after != run
    assert year.get("/years/2025/correction")["changes"] == [], "what was issued is for its time as a member"
    rows = year.holds()
    assert rows[NORBERG]["to_come_ore"] == 0
    assert rows[NORBERG]["share_ore"] == rows[NORBERG]["invoiced_ore"] - rows[NORBERG]["credited_ore"]
    return after


def _autumn_two_more_instalments_and_netting(year: Year, run: str) -> None:
    year.on("2025-07-01")
    ids = year.issue(3, run)
    assert len(ids) == 9, "Norberg is no member any more"
    year.settle()
    year.holds()
    spent = {
        "cost_id": new_id(),
        "kind": "tour",
        "amount_ore": 1_000_00,
        "spent_on": "2025-05-10",
        "text": "Workshopturné i Sala",
    }
    year.call("PUT", f"/years/2025/costs/{SALA}", spent)
    year.call("POST", f"/costs/{spent['cost_id']}/decision", {"approved": True})
    year.holds()
    total = year.get("/years/2025/netting")["total_ore"]
    assert total == 1_000_00
    year.call("POST", "/years/2025/netting", {"netting_id": new_id(), "total_ore": total})
    rows = year.holds()
    assert rows[SALA]["netted_ore"] == 1_000_00
    year.on("2025-10-01")
    assert len(year.issue(4, run)) == 9
    year.settle()
    year.holds()
    _pay_what_is_open(year, "october", "2025-10-01")
    rows = year.holds()
    assert {row["open_ore"] for row in rows.values()} == {0}
    assert {row["to_come_ore"] for row in rows.values()} == {0}
    _pay_back_norberg(year)


def _pay_back_norberg(year: Year) -> None:
    """What it paid for a festival that never was, and has no further invoice to set against."""
    rests = [each for each in year.payments() if each["rest_ore"]]
    assert {each["payer_code"] for each in rests} == {NORBERG}
    for number, each in enumerate(rests):
        amount = kronor(each["rest_ore"])
        out = Part(amount, payer="Norbergs kommun", end_to_end=f"back-{number}")
        year.bank(f"back-{number}", [Line(amount, [out], credit=False, day="2025-10-01")])
        (paid_out,) = [p for p in year.payments() if p["rest_ore"] < 0]
        body = {"returns_id": each["payment_id"], "reason": "the festival was cancelled"}
        year.call("POST", f"/payments/{paid_out['payment_id']}/return", body)
        year.holds()
    assert [each for each in year.payments() if each["rest_ore"]] == []


def _the_books_are_closed_and_handed_over(year: Year) -> None:
    year.on("2026-01-12")
    for month in range(1, 13):
        year.call("POST", "/closed-months", {"month": date(2025, month, 1).isoformat()})
    year.holds()
    entry = {
        "voucher_id": new_id(),
        "booked_on": "2025-12-31",
        "debit": CHART.number("cost_other"),
        "credit": CHART.number("bank"),
        "amount_ore": 1,
        "reason": "too late by a day",
    }
    refused = year.call("POST", "/years/2025/vouchers", entry, status=409)
    assert refused["name"] == "period_closed"
    year.statements(year.holds(), (REGION, *NINE_ORE))
    back = year.sie("2025-01-01", "2025-12-31")
    book = year.get("/years/2025/ledger")
    assert len(back.vouchers) == len(book["vouchers"])
    sums: dict[str, int] = {}
    for voucher in back.vouchers:
        assert voucher.balance_ore == 0
        for row in voucher.rows:
            sums[row.account] = sums.get(row.account, 0) + row.amount_ore
    assert sums == {each["account"]: each["balance_ore"] for each in book["balances"]}
    shares = {code: year.statement(code) for code in (REGION, *NINE_ORE)}
    assert sum(each["Andel av budgeten"] for each in shares.values()) == 850_000_00
    assert all(each["Andel av budgeten"] == each["Reglerat"] for each in shares.values())
    assert year.file(f"/finance/2025/statements/{NORBERG}/statement.pdf").startswith(b"%PDF-")
