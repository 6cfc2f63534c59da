"""The words of letters to finance staff: cost shares and reminders of invoices."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from services.chassis.refusals import N_
from services.chassis.web.languages import day, kronor, number
from services.notifications.material import Content, Material


class FinanceLetters:
    """`say` puts a text into the reader's language; `public_url` is where links lead."""

    def __init__(self, say: Callable[..., str], public_url: str) -> None:
        self._say = say
        self._public_url = public_url

    def cost_total(self, material: Material) -> Content:
        facts = self._cost_facts(material)
        details = [
            (self._say(N_("Budget")), facts["budget"]),
            (self._say(N_("Population date")), facts["day"]),
            (self._say(N_("Payers")), number(int(material.facts["payers"]))),
        ]
        if material.facts["region_ore"] is not None:
            details.append((self._say(N_("The region's share")), kronor(int(material.facts["region_ore"]))))
        happened = self._say(
            N_(
                "The cost shares for %(year)s are computed. The budget of %(budget)s is split over the "
                "region and the member municipalities, and the shares sum exactly to it."
            ),
            **facts,
        )
        subject = self._say(N_("Cost shares for %(year)s: %(budget)s"), **facts)
        return Content(subject, [happened], details, self._derivation(material))

    def cost_share(self, material: Material) -> Content:
        share = kronor(int(material.facts["share_ore"]))
        facts = {**self._cost_facts(material), "share": share, "municipality": material.municipality_name}
        details = [
            (self._say(N_("Your share")), share),
            (self._say(N_("Of the budget")), facts["budget"]),
            (self._say(N_("Population date")), facts["day"]),
        ]
        happened = self._say(
            N_("The cost shares for %(year)s are computed. The share of %(municipality)s is %(share)s."),
            **facts,
        )
        subject = self._say(N_("Cost share for %(year)s, %(municipality)s: %(share)s"), **facts)
        return Content(subject, [happened], details, self._derivation(material))

    def reminder(self, material: Material) -> Content:
        facts = material.facts
        left, pay_by = kronor(int(facts["open_ore"])), day(date.fromisoformat(facts["pay_by"]))
        about = {"invoice": facts["invoice_number"], "level": facts["level"], "amount": left}
        happened = self._say(
            N_(
                "Invoice %(invoice)s fell due on %(due)s, and %(amount)s is left to pay. "
                "This is reminder %(level)s."
            ),
            due=day(date.fromisoformat(facts["due_on"])),
            **about,
        )
        asked = self._say(
            N_("Please pay at the latest on %(day)s. If the invoice is wrong, contest it on its page."),
            day=pay_by,
        )
        details = [
            (self._say(N_("Reminder")), facts["number"]),
            (self._say(N_("Invoice")), facts["invoice_number"]),
            (self._say(N_("Left to pay")), left),
            (self._say(N_("At the latest on")), pay_by),
        ]
        href = f"{self._public_url}/finance/reminders/{facts['reminder_id']}"
        link = (self._say(N_("See the reminder and how to pay")), href)
        subject = self._say(N_("Reminder %(level)s of invoice %(invoice)s: %(amount)s"), **about)
        return Content(subject, [happened, asked], details, link)

    def _cost_facts(self, material: Material) -> dict[str, Any]:
        return {
            "year": str(material.facts["year"]),
            "budget": kronor(int(material.facts["budget_ore"])),
            "day": day(date.fromisoformat(material.facts["population_date"])),
        }

    def _derivation(self, material: Material) -> tuple[str, str]:
        label = self._say(N_("See how the shares were worked out"))
        return label, f"{self._public_url}/finance/{material.facts['year']}"
