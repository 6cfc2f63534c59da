"""What becomes of a place, and of one in the queue, when the next term begins: in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from services.contracts.fact import LocalText
from services.contracts.rule_book import RuleBook
from services.contracts.rule_dates import TermDays
from services.contracts.rule_words.parts import days, has_days, text

_TERMS = {
    "autumn": LocalText("höstterminen", "the autumn term"),
    "spring": LocalText("vårterminen", "the spring term"),
}


def carrying(book: RuleBook) -> Iterator[LocalText]:
    rules = book.carry_over
    places = {
        "continue": LocalText(
            "En plats fortsätter nästa termin tills den sägs upp.",
            "A place continues next term until it is given up.",
        ),
        "confirm": _place_to_confirm(rules.confirm_by),
        "end": LocalText("En plats slutar med terminen.", "A place ends with the term."),
    }
    queue = {
        "continue": LocalText(
            "En köplats står kvar tills anmälan tas tillbaka.",
            "A place in the queue stands until the application is withdrawn.",
        ),
        "confirm": _queue_to_confirm(rules.confirm_by),
        "end": LocalText("En köplats slutar med terminen.", "A place in the queue ends with the term."),
    }
    adults = {
        "end": LocalText(
            "Vuxna har sin plats en termin i taget.", "Adults have the place for a term at a time."
        ),
        "if_space": LocalText(
            "Vuxna kan få lämna sin plats vid terminsskifte när barn väntar.",
            "Adults may have to give up the place at a change of term when children wait.",
        ),
    }
    yield places[rules.places]
    yield queue[rules.queue]
    if rules.adults in adults:
        yield adults[rules.adults]
    if "confirm" not in (rules.places, rules.queue):
        return
    if has_days(rules.confirm_from):
        yield text(
            "Man kan bekräfta från {days}.", "One can confirm from {days}.", days=days(rules.confirm_from)
        )
    if has_days(rules.confirm_by):
        yield text(
            "Sista dagen att bekräfta är {days}, eller nästa arbetsdag om den är ledig.",
            "The last day to confirm is {days}, or the next working day where it is none.",
            days=days(rules.confirm_by),
        )


def _asked_and_not(confirm_by: TermDays) -> tuple[LocalText, LocalText] | None:
    """The term for which the school asks and the one for which it does not; None where it asks for both."""
    if (confirm_by.autumn is None) == (confirm_by.spring is None):
        return None
    asked, other = ("autumn", "spring") if confirm_by.spring is None else ("spring", "autumn")
    return _TERMS[asked], _TERMS[other]


def _place_to_confirm(confirm_by: TermDays) -> LocalText:
    terms = _asked_and_not(confirm_by)
    if terms is None:
        return LocalText(
            "En plats måste bekräftas för nästa termin.", "A place must be confirmed for the next term."
        )
    return text(
        "En plats måste bekräftas för {asked}; till {other} fortsätter den tills den sägs upp.",
        "A place must be confirmed for {asked}; for {other} it continues until it is given up.",
        asked=terms[0],
        other=terms[1],
    )


def _queue_to_confirm(confirm_by: TermDays) -> LocalText:
    terms = _asked_and_not(confirm_by)
    if terms is None:
        return LocalText(
            "En köplats måste bekräftas för nästa termin.",
            "A place in the queue must be confirmed for the next term.",
        )
    return text(
        "En köplats måste bekräftas för {asked}; till {other} står den kvar.",
        "A place in the queue must be confirmed for {asked}; for {other} it stands.",
        asked=terms[0],
        other=terms[1],
    )
