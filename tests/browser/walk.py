"""Walks through the product in Chromium as its users do; run by conftest.py in a process of its own.

Playwright's own event loop and eventlet's patches do not live in one process.
Usage: python -m tests.browser.walk JOURNEY ADDRESS FOLDER-FOR-SCREENSHOTS
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    *("--no-sandbox", "--headless=new", "--disable-gpu", "--no-first-run", "--disable-quic"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
Journey = Callable[[Browser, str, Path], None]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


class Visitor:
    """One person's browser: looks, signs in, takes screenshots, and sees that pages are sound."""

    def __init__(self, page: Page, address: str, folder: Path) -> None:
        self.page = page
        self.address = address
        self.folder = folder

    def open(self, path: str) -> None:
        answer = self.page.goto(self.address + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"

    def sign_in(self, persona: str) -> None:
        self.open("/login")
        self.page.locator(f'form:has(input[value="{persona}"])').get_by_role("button").click()

    def look(self, name: str) -> None:
        """A screenshot, no accessibility violations, and nothing wider than the screen."""
        self.page.wait_for_load_state("networkidle")
        self.page.screenshot(path=self.folder / f"{name}.png", full_page=True)
        results = Axe().run(self.page)
        found = [(v["id"], [n["html"][:120] for n in v["nodes"]][:3]) for v in results.response["violations"]]
        assert not found, f"{name}: {found}"
        self.fits(name)

    def fits(self, name: str) -> None:
        """Nothing is wider than the screen."""
        wide = self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth")
        assert not wide, f"{name} is wider than the screen"


@contextmanager
def visitor(
    browser: Browser,
    address: str,
    folder: Path,
    *,
    phone: bool = False,
    script: bool = True,
    lang: str = "sv-SE",
    refusals: int = 0,
) -> Iterator[Visitor]:
    """Nothing is wrong in the browser's console, but that it names `refusals` forms that came back."""
    context = browser.new_context(
        viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
        locale=lang,
        java_script_enabled=script,
        color_scheme="dark" if phone else "light",
    )
    page = context.new_page()
    page.set_default_timeout(20_000)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield Visitor(page, address, folder)
    came_back = [problem for problem in problems if "a status of 422" in problem]
    assert len(came_back) == len(problems) == refusals, problems
    context.close()


def story(browser: Browser, address: str, folder: Path) -> None:
    """Steps 2 to 6: from the search to the cost shares, in Swedish."""
    with visitor(browser, address, folder) as maria:
        page = maria.page
        maria.open("/")
        maria.look("home")
        maria.open("/courses")
        page.get_by_role("searchbox").or_(page.locator("input[name=words]")).first.fill("fiol")
        page.locator("form.search").get_by_role("button").first.click()
        expect(page.get_by_role("link", name="Lördagsfiol")).to_be_visible()
        maria.look("search")
        page.get_by_role("link", name="Lördagsfiol").click()
        page.locator("select[name=home]").select_option("1962")
        page.locator("input[name=age]").fill("9")
        page.locator("form:has(select[name=home])").get_by_role("button").click()
        expect(page.locator(".verdict--yes")).to_contain_text("Norberg")
        expect(page.locator("main")).to_contain_text("850,00")
        maria.look("course")
        course = page.url.split("?")[0].rsplit("/", 1)[1]
        maria.sign_in("guardian-norberg")
        maria.open(f"/apply/{course}")
        maria.look("apply")
        page.get_by_role("button", name="Sök åt Alma").click()
        expect(page.locator(".verdict--yes")).to_contain_text("Alma har en plats")
        maria.look("place")
        maria.open("/my")
        expect(page.get_by_role("link", name="Lördagsfiol")).to_be_visible()
        with page.expect_download() as download:
            page.locator(".place", has_text="Lördagsfiol").get_by_role("link", name="Kalenderfil").click()
        assert "BEGIN:VCALENDAR" in Path(download.value.path()).read_text()
        maria.look("my-page")
        read_mail(maria, "Lördagsfiol")
    see_the_pupil(browser, address, folder, course)
    read_the_shares(browser, address, folder)


def read_mail(maria: Visitor, title: str) -> None:
    """The mail is on its way: it comes within seconds."""
    for _ in range(40):
        maria.open("/mail")
        mail = maria.page.locator("main").get_by_role("link").filter(has_text=title)
        if mail.count():
            break
        maria.page.wait_for_timeout(250)
    maria.look("mail-list")
    mail.first.click()
    expect(maria.page.locator("main")).to_contain_text(title)
    expect(maria.page.locator("main")).to_contain_text("Alma")
    maria.look("mail")


def see_the_pupil(browser: Browser, address: str, folder: Path, course: str) -> None:
    with visitor(browser, address, folder) as host:
        host.sign_in("staff-vasteras")
        host.look("staff")
        host.open(f"/staff/courses/{course}")
        expect(host.page.locator("main")).to_contain_text("Alma Hellström")
        host.look("participants")
    with visitor(browser, address, folder) as home:
        home.sign_in("staff-norberg")
        row = home.page.locator("#elsewhere tr", has_text="Alma Hellström")
        expect(row).to_contain_text("Västerås kulturskola")
        home.look("staff-home")


def read_the_shares(browser: Browser, address: str, folder: Path) -> None:
    with visitor(browser, address, folder) as finance:
        finance.sign_in("finance-region")
        finance.look("finance")
        finance.open("/finance/2025")
        main = finance.page.locator("main")
        for amount in ("10 047,44", "296 030,78", "7 843,34"):
            expect(main).to_contain_text(re.compile(amount.replace(" ", r"\s")))
        finance.look("shares")
        with finance.page.expect_download() as download:
            finance.page.get_by_role("link", name=re.compile("CSV")).first.click()
        assert "10047,44" in Path(download.value.path()).read_text(encoding="utf-8-sig")
        for path in ("2025/statements/1962", "reminders", "payers/1962", "agreement/new"):
            finance.open(f"/finance/{path}")
            finance.look(f"finance-{path.replace('/', '-')}")
    with visitor(browser, address, folder) as operator:
        operator.sign_in("operator")
        expect(operator.page.locator("#facts-billing")).to_be_visible()
        operator.look("operations")


def without_javascript_on_a_phone(browser: Browser, address: str, folder: Path) -> None:
    """A full course, a queue position, and withdrawing again: on a phone, in English, without JavaScript."""
    with visitor(browser, address, folder, phone=True, script=False, lang="en-GB") as maria:
        page = maria.page
        maria.sign_in("guardian-norberg")
        maria.open("/courses?words=cirkuslabbet")
        page.locator("ol.programme a").first.click()
        course = page.url.split("?")[0].rsplit("/", 1)[1]
        maria.open(f"/apply/{course}")
        page.get_by_role("button", name="Put Leo in the queue").click()
        expect(page.locator(".verdict--queue")).to_contain_text("Leo is number 7 in the queue")
        page.screenshot(path=folder / "phone-queue.png", full_page=True)
        page.get_by_role("link", name="Withdraw the application").click()
        page.get_by_role("button", name="Yes, withdraw").click()
        expect(page.locator("main")).to_contain_text("Earlier applications")
        page.screenshot(path=folder / "phone-my-page.png", full_page=True)


def refusals(browser: Browser, address: str, folder: Path) -> None:
    """A family outside the cooperation reads why not, in the page's own words."""
    with visitor(browser, address, folder, phone=True) as kristina:
        kristina.sign_in("guardian-surahammar")
        kristina.open("/courses?words=lördagsfiol")
        kristina.look("phone-search")
        kristina.page.locator("ol.programme a").first.click()
        kristina.look("phone-course")
        course = kristina.page.url.split("?")[0].rsplit("/", 1)[1]
        kristina.open(f"/apply/{course}")
        expect(kristina.page.locator(".verdict--no")).to_contain_text("inte med i samarbetet")
        kristina.look("phone-refused")


def terms(browser: Browser, address: str, folder: Path) -> None:
    """A place is given up and taken back without JavaScript; staff see who goes on, and carry it over."""
    with visitor(browser, address, folder, phone=True, script=False) as maria:
        maria.sign_in("guardian-norberg")
        maria.open("/my")
        card = maria.page.locator(".place", has_text="Elektronisk musik i gruvan")
        card.get_by_role("button", name="Lämna platsen inför nästa termin").click()
        expect(card).to_contain_text("Du har lämnat platsen.")
        maria.page.screenshot(path=folder / "phone-given-up.png", full_page=True)
        card.get_by_role("button", name="Ångra").click()
        expect(card).to_contain_text("Platsen följer med av sig själv.")
    with visitor(browser, address, folder) as staff:
        page = staff.page
        staff.sign_in("staff-norberg")
        staff.open("/staff/terms")
        staff.look("terms")
        page.get_by_role("link", name="Se vad som skulle hända").click()
        expect(page.locator("main")).to_contain_text("Ingenting har ändrats för någon.")
        staff.look("rollover")
        page.get_by_label("Varför, för protokollet").fill("Terminen slutar")
        page.get_by_role("button", name="För över allt").click()
        expect(page.locator("main")).to_contain_text("Terminen slutar")
        staff.look("rollover-done")
    with visitor(browser, address, folder, phone=True) as maria:
        maria.sign_in("guardian-norberg")
        maria.open("/my")
        expect(maria.page.get_by_role("link", name="Elektronisk musik i gruvan")).to_have_count(2)
        maria.look("phone-next-term")


def rank_and_answer(browser: Browser, address: str, folder: Path, *, phone: bool) -> None:
    """A guardian reads the price, ranks in a round, accepts one offer and declines another.

    On a phone without JavaScript.

    What is offered was made ready by test_browser.py, under titles of its own.
    """
    name = "phone" if phone else "desktop"
    with visitor(browser, address, folder, phone=phone, script=not phone) as maria:
        page, main = maria.page, maria.page.locator("main")
        maria.sign_in("guardian-norberg")
        maria.open("/courses?words=Rundans sång")
        page.locator("ol.programme a").first.click()
        maria.open(f"/apply/{page.url.split('?')[0].rsplit('/', 1)[1]}")
        expect(main).to_contain_text("Platserna ges i en antagningsomgång")
        expect(main.locator(".receipt").first).to_contain_text("kr")
        seen(maria, f"apply-round-{name}", phone)
        page.locator("a[href^='/my/rounds/']").first.click()
        expect(main).to_contain_text("Ett barn får högst en plats i den här omgången")
        price = main.locator("details", has_text="Rundans sång").first
        expect(price.locator("summary")).to_contain_text("kr")
        price.locator("summary").click()
        expect(price.locator(".receipt")).to_be_visible()
        page.get_by_label("Leo" if phone else "Alma", exact=False).check()
        choose_wishes(page, ("Rundans sång", "Rundans dans"))
        seen(maria, f"rank-{name}", phone)
        main.get_by_role("button", name="Spara").click()
        expect(main).to_contain_text("Rundans sång")
        seen(maria, f"ranked-{name}", phone)
        for answer, button, said in (
            ("Ja", "Tacka ja till platsen", "Platsen är din"),
            ("Nej", "Ja, tacka nej", "tackat nej"),
        ):
            maria.open("/my")
            page.locator(".place", has_text=f"{answer} {name}").get_by_role("link", name="Svara").click()
            seen(maria, f"offer-{name}", phone)
            if answer == "Nej":
                _ask_to_decline(maria, name, phone)
            main.get_by_role("button", name=button).click()
            expect(page.locator(".flash")).to_contain_text(said)
        expect(page.locator(".place", has_text=f"Ja {name}")).to_contain_text("Har plats")
        expect(page.locator(".place", has_text=f"Nej {name}")).to_have_count(0)
        seen(maria, f"answered-{name}", phone)


def choose_wishes(page: Page, titles: Sequence[str]) -> None:
    """In the form of a round in Sala, the best first."""
    for number, title in enumerate(titles, start=1):
        page.locator(f"#wish{number}").select_option(label=in_sala(title))


def in_sala(title: str) -> str:
    """As the pages of a round call a course."""
    return f"{title}, Sala kulturskola"


def _ask_to_decline(maria: Visitor, name: str, phone: bool) -> None:
    """To the page that asks once more, back to the offer, which still stands, and there again."""
    main = maria.page.locator("main")
    main.get_by_role("link", name="Nej tack").click()
    expect(main).to_contain_text("Tacka nej till erbjudandet?")
    seen(maria, f"decline-{name}", phone)
    main.get_by_role("link", name="Tillbaka till erbjudandet").click()
    expect(main.get_by_role("button", name="Tacka ja till platsen")).to_be_visible()
    main.get_by_role("link", name="Nej tack").click()


def offer_seats(browser: Browser, address: str, folder: Path, *, phone: bool) -> None:
    """Staff see what to do next, look at who would get a free seat, and offer one: pressed twice, once."""
    name = "phone" if phone else "desktop"
    with visitor(browser, address, folder, phone=phone) as staff:
        page, main = staff.page, staff.page.locator("main")
        staff.sign_in("staff-norberg")
        row = page.locator("#courses tr", has_text=f"Kö {name}")
        expect(row).to_contain_text("2 platser är lediga, och 3 väntar")
        staff.look(f"staff-next-{name}")
        row.get_by_role("link", name="lediga").click()
        expect(main).to_contain_text("2 elever får ett erbjudande")
        expect(main).to_contain_text("Tidigare ködatum")
        staff.look(f"preview-{name}")
        page.locator("input[name=seats]").first.fill("1")
        main.get_by_role("button", name="Visa vilka").click()
        expect(main).to_contain_text("1 elev får ett erbjudande")
        main.get_by_role("button", name="Erbjud 1 plats").dblclick()
        expect(page.locator(".flash")).to_contain_text("1 plats är erbjuden")
        expect(page.locator("#offers")).to_be_visible()
        expect(main).to_contain_text("1 plats är ledig, och 2 väntar")
        staff.look(f"offered-{name}")


def seen(visitor: Visitor, name: str, phone: bool) -> None:
    """Without JavaScript nothing looks for accessibility violations: a picture, and that nothing is wider."""
    if phone:
        visitor.page.screenshot(path=visitor.folder / f"{name}.png", full_page=True)
        visitor.fits(name)
    else:
        visitor.look(name)


JOURNEYS: dict[str, Journey] = {
    "story": story,
    "without_javascript_on_a_phone": without_javascript_on_a_phone,
    "refusals": refusals,
    "terms": terms,
    "rank_and_answer": partial(rank_and_answer, phone=False),
    "rank_and_answer_on_a_phone": partial(rank_and_answer, phone=True),
    "offer_seats": partial(offer_seats, phone=False),
    "offer_seats_on_a_phone": partial(offer_seats, phone=True),
}


def main(journeys: Mapping[str, Journey]) -> None:
    name, address, folder = sys.argv[1:]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        journeys[name](browser, address, Path(folder))
        browser.close()
    print(f"{name}: walked")  # noqa: T201


if __name__ == "__main__":
    main(JOURNEYS)
