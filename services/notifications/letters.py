"""A letter's words, in the reader's language: one content, written out as plain text and as HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.chassis.refusals import N_
from services.chassis.web.languages import Texts, current_language, day, kronor, number, speak
from services.notifications.domain.rule_words import rule_in_words
from services.notifications.ending_words import ANOTHER_ENDING, CANCELLATIONS, ENDINGS
from services.notifications.finance_letters import FinanceLetters
from services.notifications.material import Content, Letter, Material
from services.notifications.term_words import BY_RULE, BY_THE_RULES, NOT_CONTINUED, REASONS, Words

FOLDER = Path(__file__).parent
KINDS = (
    *("place", "queued", "offered", "ended", "not_continued", "cancelled"),
    *("cost_total", "cost_share", "reminder"),
)

# A lesson is every week; in Swedish the plural of a day cannot be made from its singular by a rule.
WEEKDAYS = (
    N_("Mondays"),
    N_("Tuesdays"),
    N_("Wednesdays"),
    N_("Thursdays"),
    N_("Fridays"),
    N_("Saturdays"),
    N_("Sundays"),
)


class LetterWriter:
    """Writes letters; `public_url` is where their links lead."""

    def __init__(self, public_url: str) -> None:
        self._public_url = public_url
        self._texts = Texts(FOLDER / "locale")
        self._finance = FinanceLetters(self._say, public_url)
        self._templates = Environment(
            loader=FileSystemLoader(FOLDER / "templates" / "letters"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def write(self, material: Material) -> Letter:
        with _speaking(material.language):
            contents: Mapping[str, Callable[[Material], Content]] = {
                "place": self._place,
                "queued": self._queued,
                "offered": self._offered,
                "ended": self._ended,
                "not_continued": self._not_continued,
                "cancelled": self._cancelled,
                "cost_total": self._finance.cost_total,
                "cost_share": self._finance.cost_share,
                "reminder": self._finance.reminder,
            }
            content = contents[material.kind](material)
            # "your child" may begin a sentence where a name would.
            content.subject = _capitalised(content.subject)
            content.paragraphs = [_capitalised(each) for each in content.paragraphs]
            greeting = self._say(N_("Hello %(name)s!"), name=_first_name(material.reader_name))
            closing = [
                self._say(N_("Warm regards,")),
                self._say(N_("Samklang, the shared courses of the culture schools")),
            ]
            values = {"content": content, "greeting": greeting, "closing": closing}
            html = self._templates.get_template("body.html").render(values)
            return Letter(material.language, content.subject, _plain(content, greeting, closing), html)

    def document(self, letter: Letter) -> str:
        """The HTML part of the mail: the letter's content as a whole document."""
        return self._templates.get_template("document.html").render(
            language=letter.language, subject=letter.subject, body=letter.html
        )

    def _say(self, text: str, **facts: object) -> str:
        said = self._texts.gettext(text)
        return said % facts if facts else said

    def _about(self, material: Material) -> dict[str, str]:
        if material.course is None:
            raise LookupError("a letter about an application needs its course")
        return {
            "pupil": material.pupil_name or self._say(N_("your child")),
            "course": material.course.title.in_language(current_language()),
            "school": material.course.school,
        }

    def _in_words(self, material: Material, words: Words, **more: str) -> tuple[str, str]:
        """Subject and first sentence."""
        about = {**self._about(material), **more}
        if material.is_own:
            return self._say(words.own_subject, **about), self._say(words.own, **about)
        return self._say(words.subject, **about), self._say(words.other, **about)

    def _place(self, material: Material) -> Content:
        about = self._about(material)
        carried = BY_RULE.get(("place", material.facts["rule"]))
        if carried is not None:
            subject, happened = self._in_words(material, carried)
        elif material.is_own:
            subject = self._say(N_("You have a place: %(course)s"), **about)
            happened = self._say(
                N_("Good news: you have a place on %(course)s at %(school)s. Welcome!"), **about
            )
        else:
            subject = self._say(N_("%(pupil)s has a place: %(course)s"), **about)
            happened = self._say(
                N_("Good news: %(pupil)s has a place on %(course)s at %(school)s. Welcome!"), **about
            )
        return Content(
            subject,
            [happened, self._why(material)],
            self._when_and_where(material),
            self._my_page(N_("See the place and add it to your calendar")),
        )

    def _queued(self, material: Material) -> Content:
        about = {**self._about(material), "position": number(int(material.facts["position"]))}
        other = BY_RULE.get(("queued", material.facts["rule"]))
        if other is not None:
            subject, happened = self._in_words(material, other, position=about["position"])
        elif material.is_own:
            subject = self._say(N_("You are in the queue: %(course)s"), **about)
            happened = self._say(
                N_(
                    "Thank you for your application. %(course)s at %(school)s is full, and you have "
                    "place number %(position)s in the queue."
                ),
                **about,
            )
        else:
            subject = self._say(N_("%(pupil)s is in the queue: %(course)s"), **about)
            happened = self._say(
                N_(
                    "Thank you for your application. %(course)s at %(school)s is full, and %(pupil)s has "
                    "place number %(position)s in the queue."
                ),
                **about,
            )
        return Content(
            subject,
            [happened, self._why(material), self._what_to_do(material)],
            self._when_and_where(material),
            self._my_page(N_("See the queue on your page")),
        )

    def _what_to_do(self, material: Material) -> str:
        """Of a queue position that was carried over to the next term there may be something to confirm."""
        renew_by = material.facts.get("renew_by")
        if renew_by is None:
            return self._say(N_("You need not do anything now. We write to you when a place comes free."))
        return self._say(
            N_("Please confirm it on your page, at the latest on %(day)s. Else the place in the queue ends."),
            day=day(date.fromisoformat(renew_by)),
        )

    def _offered(self, material: Material) -> Content:
        about = self._about(material)
        carried = BY_RULE.get(("offered", material.facts["rule"]))
        if carried is not None:
            subject, happened = self._in_words(material, carried)
        elif material.is_own:
            subject = self._say(N_("A place is free for you: %(course)s"), **about)
            happened = self._say(
                N_("A place on %(course)s at %(school)s has come free, and it is held for you."), **about
            )
        else:
            subject = self._say(N_("A place is free for %(pupil)s: %(course)s"), **about)
            happened = self._say(
                N_("A place on %(course)s at %(school)s has come free, and it is held for %(pupil)s."),
                **about,
            )
        answer = self._say(N_("Please say yes or no on your page. Others are waiting for your answer."))
        return Content(
            subject,
            [happened, self._why(material), answer, *self._last_day(material)],
            self._when_and_where(material),
            self._my_page(N_("Answer the offer")),
        )

    def _last_day(self, material: Material) -> list[str]:
        """Messages recorded by an earlier release know of no last day."""
        answer_by = material.facts.get("answer_by")
        if answer_by is None:
            return []
        return [
            self._say(
                N_("The last day to answer is %(day)s. After that the place goes to the next in the queue."),
                day=day(date.fromisoformat(answer_by)),
            )
        ]

    def _ended(self, material: Material) -> Content:
        about = self._about(material)
        ending = (material.facts["outcome"], material.facts["had"])
        own, other = ENDINGS.get(ending, ANOTHER_ENDING)
        subject = self._say(N_("Your application has ended: %(course)s"), **about)
        mistake = self._say(N_("If this is not what you wanted, get in touch with the school."))
        return Content(
            subject,
            [self._say(own if material.is_own else other, **about), *self._cost(material), mistake],
            self._what(material),
            self._my_page(N_("See your applications")),
        )

    def _not_continued(self, material: Material) -> Content:
        subject, happened = self._in_words(material, NOT_CONTINUED)
        reason = self._say(REASONS.get(material.facts["reason"], BY_THE_RULES))
        mistake = self._say(N_("If this is not what you wanted, get in touch with the school."))
        why = self._say(N_("Why: %(reason)s"), reason=reason)
        link = (self._say(N_("Look for another course")), f"{self._public_url}/courses")
        return Content(subject, [happened, why, mistake], self._what(material), link)

    def _cost(self, material: Material) -> list[str]:
        """What a late withdrawal costs, where the rule book says so."""
        cost_ore = material.facts.get("cost_ore")
        if not cost_ore:
            return []
        cost = kronor(int(cost_ore))
        return [self._say(N_("By the school's rules a withdrawal this late costs %(cost)s."), cost=cost)]

    def _cancelled(self, material: Material) -> Content:
        about = self._about(material)
        own, other = CANCELLATIONS.get(material.facts["had"], CANCELLATIONS["queue"])
        paragraphs = [
            self._say(N_("We are sorry: %(course)s at %(school)s is cancelled."), **about),
            self._say(own if material.is_own else other, **about),
        ]
        if material.course is not None and material.course.cancelled_because is not None:
            reason = material.course.cancelled_because.in_language(current_language())
            paragraphs.insert(1, self._say(N_("The school's reason: %(reason)s"), reason=reason))
        link = (self._say(N_("Look for another course")), f"{self._public_url}/courses")
        subject = self._say(N_("Cancelled: %(course)s"), **about)
        return Content(subject, paragraphs, self._what(material), link)

    def _why(self, material: Material) -> str:
        reason = self._say(rule_in_words(material.facts["rule"]))
        return self._say(N_("Why: %(reason)s"), reason=reason)

    def _my_page(self, label: str) -> tuple[str, str]:
        return self._say(label), f"{self._public_url}/my"

    def _what(self, material: Material) -> list[tuple[str, str]]:
        course = material.course
        if course is None:
            return []
        when = self._say(
            N_("%(weekday)s %(starts_at)s–%(ends_at)s"),
            weekday=self._say(WEEKDAYS[course.weekday - 1]),
            starts_at=course.lessons.starts_at,
            ends_at=course.lessons.ends_at(),
        )
        language = current_language()
        term = [(self._say(N_("Term")), course.term.in_language(language))] if course.term else []
        return [
            (self._say(N_("Course")), course.title.in_language(language)),
            (self._say(N_("School")), course.school),
            *term,
            (self._say(N_("When")), when),
        ]

    def _when_and_where(self, material: Material) -> list[tuple[str, str]]:
        course = material.course
        if course is None:
            return []
        return [
            *self._what(material),
            (self._say(N_("Room")), course.room),
            (self._say(N_("First lesson")), day(course.lessons.first_on)),
        ]


def _plain(content: Content, greeting: str, closing: list[str]) -> str:
    details = "\n".join(f"{label}: {value}" for label, value in content.details)
    label, href = content.action
    blocks = [greeting, *content.paragraphs, details, f"{label}:\n{href}", "\n".join(closing)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _first_name(name: str) -> str:
    return (name.split() or [""])[0]


@contextmanager
def _speaking(language: str) -> Iterator[None]:
    before = current_language()
    speak(language)
    try:
        yield
    finally:
        speak(before)
