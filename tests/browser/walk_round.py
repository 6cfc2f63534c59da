"""Walks through an admission round; run as walk.py is, and by the same means.

Usage: python -m tests.browser.walk_round JOURNEY ADDRESS FOLDER-FOR-SCREENSHOTS
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.walk import Journey, Visitor, choose_wishes, in_sala, main, seen, visitor

FIRST, SECOND, THIRD = WISHES = ("Rundans sång", "Rundans dans", "Rundans teater")
UNTICKED = "Kryssa för vem rangordningen gäller."
GIVEN = "Platsen gavs i antagningsomgången, till alla samtidigt."


def admission_round(browser: Browser, address: str, folder: Path) -> None:
    """Maria ranks and reads for Alma at a computer, and for Leo on a phone without JavaScript.

    Staff rehearse and publish at a computer, and run the round on a phone without JavaScript.
    """
    for child, phone in (("Alma", False), ("Leo", True)):
        with visitor(browser, address, folder, phone=phone, script=not phone, refusals=1) as maria:
            rank(maria, child, phone)
    for action, phone in ((rehearse, False), (run, True), (publish, False)):
        with visitor(browser, address, folder, phone=phone, script=not phone) as staff:
            _open_as_staff(staff)
            action(staff, phone)
    with visitor(browser, address, folder, phone=False, script=True, refusals=1) as staff:
        _open_as_staff(staff)
        act_for_who_has_none(staff, False)
    for child, phone in (("Alma", False), ("Leo", True)):
        with visitor(browser, address, folder, phone=phone, script=not phone) as maria:
            application = read(maria, child, phone)
        with visitor(browser, address, folder, phone=phone, script=not phone) as staff:
            see_which_rule(staff, child, application, phone)


def rank(maria: Visitor, child: str, phone: bool) -> None:
    """Refused without a tick, which loses nothing of what was chosen; then saved, and changed."""
    page, main = maria.page, maria.page.locator("main")
    maria.sign_in("guardian-norberg")
    maria.open("/my")
    page.locator("a[href^='/my/rounds/']").click()
    for each in ("Alma", "Leo"):
        expect(page.get_by_label(each)).not_to_be_checked()
    choose_wishes(page, WISHES[:2])
    with page.expect_navigation() as navigation:
        main.get_by_role("button", name="Spara").click()
    assert navigation.value.status == 422
    expect(page.get_by_role("alert")).to_contain_text(UNTICKED)
    expect(main.locator("fieldset")).to_contain_text(UNTICKED)
    expect(_ranked(page, child)).to_have_count(0)
    _expect_wishes(page, WISHES[:2])
    seen(maria, f"rank-unticked-{child}", phone)
    page.get_by_label(child).check()
    main.get_by_role("button", name="Spara").click()
    expect(page.locator(".flash")).to_contain_text("Rangordningen är sparad.")
    expect(_ranked(page, child)).to_have_text([in_sala(title) for title in WISHES[:2]])
    _section(page, child).get_by_role("link", name="Ändra rangordningen").click()
    for each in ("Alma", "Leo"):
        expect(page.get_by_label(each)).to_be_checked(checked=each == child)
    _expect_wishes(page, WISHES[:2])
    seen(maria, f"rank-put-back-{child}", phone)
    choose_wishes(page, WISHES)
    main.get_by_role("button", name="Spara").click()
    expect(_ranked(page, child)).to_have_text([in_sala(title) for title in WISHES])


def _section(page: Page, child: str) -> Locator:
    """What the page of the round says of the child."""
    return page.locator("section", has=page.get_by_role("heading", level=2, name=child))


def _ranked(page: Page, child: str) -> Locator:
    return _section(page, child).locator("ol li")


def _expect_wishes(page: Page, titles: Sequence[str]) -> None:
    """In the form, the best first."""
    for number, title in enumerate(titles, start=1):
        expect(page.locator(f"#wish{number} option:checked")).to_have_text(in_sala(title))


def _open_as_staff(staff: Visitor) -> None:
    """The page of the round, by way of the list."""
    staff.sign_in("staff-sala")
    staff.page.get_by_role("link", name="Antagningsomgångar").click()
    staff.page.locator("main table").get_by_role("link").click()
    expect(staff.page.locator("main")).to_contain_text("4 barn har rangordnat.")


def rehearse(staff: Visitor, phone: bool) -> None:
    page, main = staff.page, staff.page.locator("main")
    expect(main.locator(".lede")).to_contain_text("Familjerna rangordnar")
    expect(main).to_contain_text("Inget har körts")
    expect(main.get_by_role("link", name="Publicera")).to_have_count(0)
    seen(staff, "round-open", phone)
    main.get_by_role("button", name="Provkör").click()
    expect(page.locator(".flash")).to_contain_text("Inget har ändrats för någon.")
    _expect_runs(page, ["Provkörning"])
    expect(main.locator(".lede")).to_contain_text("Familjerna rangordnar")
    seen(staff, "round-rehearsed", phone)


def run(staff: Visitor, phone: bool) -> None:
    page, main = staff.page, staff.page.locator("main")
    main.get_by_role("link", name="Kör omgången").click()
    expect(main).to_contain_text("Rangordningen stängs för gott")
    seen(staff, "round-run-asked", phone)
    main.get_by_role("button", name="Ja, kör den").click()
    expect(page.locator(".flash")).to_contain_text("Omgången är körd och rangordningen stängd.")
    _expect_runs(page, ["Körningen som gäller", "Provkörning"])
    expect(main.locator(".lede")).to_contain_text("Körd, inte publicerad")
    expect(main.get_by_role("button", name="Provkör")).to_have_count(0)
    expect(main.get_by_role("link", name="Kör omgången")).to_have_count(0)
    seen(staff, "round-run", phone)


def publish(staff: Visitor, phone: bool) -> None:
    page, main = staff.page, staff.page.locator("main")
    main.get_by_role("link", name="Publicera").click()
    expect(main).to_contain_text("Det går inte att ta tillbaka.")
    seen(staff, "round-publish-asked", phone)
    main.get_by_role("button", name="Ja, ge platserna").click()
    expect(page.locator(".flash")).to_contain_text("Omgången är publicerad: varje familj får besked.")
    expect(main.locator(".lede")).to_contain_text("Publicerad")
    seen(staff, "round-published", phone)


def act_for_who_has_none(staff: Visitor, phone: bool) -> None:
    """One of the two of Sala has no place: refused without a reason, then given a seat that was left."""
    page, main = staff.page, staff.page.locator("main")
    child = main.locator("#without section.card")
    expect(child).to_have_count(1)
    expect(child).to_contain_text("Ylv")
    expect(child.get_by_role("link", name=f"Väntar på {in_sala(FIRST)}")).to_be_visible()
    seen(staff, "round-without", phone)
    child.locator("summary").click()
    child.get_by_label("Kurs").select_option(label=f"{in_sala(THIRD)}, 5 lediga platser")
    child.get_by_label("Vem som bad om det").fill("   ")
    child.get_by_role("button", name="Anmäl barnet").click()
    expect(page.get_by_role("alert")).to_contain_text("Fyll i det här.")
    expect(child.get_by_label("Kurs").locator("option:checked")).to_contain_text(THIRD)
    seen(staff, "round-without-refused", phone)
    child.get_by_label("Vem som bad om det").fill("Mamman ringde")
    child.get_by_role("button", name="Anmäl barnet").click()
    expect(page.locator(".flash")).to_contain_text("Eleven har en plats.")
    expect(main.locator("#without")).to_contain_text("Alla barn som rangordnat har en plats nu.")


def _expect_runs(page: Page, kinds: Sequence[str]) -> None:
    """The newest first; each gave three a place, one child of Sala on its first wish, and left the other."""
    rows = page.locator("main table", has_text="Körningar").locator("tbody tr")
    expect(rows).to_have_count(len(kinds))
    for number, kind in enumerate(kinds):
        cells = rows.nth(number).locator("td")
        expect(cells.nth(0)).to_have_text(kind)
        for cell, figure in ((1, "3"), (2, "1"), (3, "1")):
            expect(cells.nth(cell)).to_have_text(figure)


def read(maria: Visitor, child: str, phone: bool) -> str:
    """On My page, at the application, and what became of each wish; returns the application's id."""
    page, main = maria.page, maria.page.locator("main")
    maria.sign_in("guardian-norberg")
    maria.open("/my")
    card = _section(page, child).locator(".place", has_text=SECOND)
    expect(card).to_contain_text("Har plats")
    for title in (FIRST, THIRD):
        expect(page.locator(".place", has_text=title)).to_have_count(0)
    seen(maria, f"my-after-round-{child}", phone)
    card.get_by_role("heading").get_by_role("link").click()
    expect(page.locator(".verdict--yes")).to_contain_text(f"{child} har en plats")
    expect(page.locator(".verdict--yes")).to_contain_text(GIVEN)
    seen(maria, f"place-by-round-{child}", phone)
    application = page.url.rsplit("/", 1)[1]
    maria.open("/my")
    page.get_by_role("link", name="Se omgången").click()
    assert re.search(r"/my/rounds/[0-9a-f-]{36}$", page.url), page.url
    outcomes = _ranked(page, child)
    expect(outcomes).to_have_count(3)
    for number, (title, outcome) in enumerate(
        (
            (FIRST, "Fullt: andra gick före i skolans ordning. Elever som bor i kommunen går före."),
            (SECOND, "Fick platsen"),
            (THIRD, "Behövdes inte: en bättre önskan gick i uppfyllelse"),
        )
    ):
        expect(outcomes.nth(number)).to_have_text(f"{in_sala(title)}: {outcome}")
    expect(main.get_by_role("link", name="Ändra rangordningen")).to_have_count(0)
    expect(main.locator("form")).to_have_count(0)
    seen(maria, f"round-read-{child}", phone)
    return application


def see_which_rule(staff: Visitor, child: str, application: str, phone: bool) -> None:
    """Staff come to the decision from the list of participants."""
    page, main = staff.page, staff.page.locator("main")
    staff.sign_in("staff-sala")
    page.locator("#courses").get_by_role("link", name=SECOND).click()
    row = main.locator("tr", has_text=f"{child} Hellström")
    row.locator("a[href^='/staff/applications/']").click()
    assert page.url.endswith(f"/staff/applications/{application}"), page.url
    rule = main.locator("section", has=page.get_by_role("heading", name="Vilken regel"))
    expect(rule).to_contain_text(GIVEN)
    alternatives = main.locator("section", has=page.get_by_role("heading", name="Vilka alternativ"))
    expect(alternatives.locator("li")).to_have_count(3)
    expect(main).not_to_contain_text("admission_round")
    seen(staff, f"decision-by-round-{child}", phone)


JOURNEYS: dict[str, Journey] = {"round": admission_round}


if __name__ == "__main__":
    main(JOURNEYS)
