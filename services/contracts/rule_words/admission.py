"""Who may apply, when, in which order, how many, and how to answer: in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from services.contracts.eligibility import ADULT_AGE
from services.contracts.fact import LocalText
from services.contracts.rule_book import Eligibility, RuleBook
from services.contracts.rule_words.parts import (
    counted,
    days,
    full_day,
    has_days,
    kinds,
    listed,
    municipality,
    text,
)

CRITERIA = {
    "children_before_adults": LocalText("barn och unga före vuxna", "children before adults"),
    "new_pupils_first": LocalText(
        "de som inte har någon plats på skolan före de som har en",
        "those without a place at the school before those with one",
    ),
    "host_residents_first": LocalText(
        "de som bor i kommunen före andra", "those who live in the municipality before others"
    ),
    "moved_in_first": LocalText(
        "de som flyttat in och har gått i en kommunal musik- eller kulturskola, mot intyg, före andra",
        "those who moved in and attended a municipal school elsewhere, with written proof, before others",
    ),
    "on_time_first": LocalText(
        "de som anmält sig i tid före de som kom senare", "those who applied in time before later ones"
    ),
    "siblings_first": LocalText(
        "de som har syskon på kursen före andra", "those with a brother or sister on the course before others"
    ),
    "queue_date": LocalText("ködatum", "the queue date"),
    "queue_day": LocalText("ködagen", "the day of the queue date"),
    "lottery": LocalText("lottning mellan dem som är lika", "a lottery between those who are equal"),
}


def who(book: RuleBook) -> Iterator[LocalText]:
    rules = book.eligibility
    if rules.min_age is not None:
        yield text(
            "Från {age} år, räknat på terminens första dag.",
            "From {age} years of age, on the first day of the term.",
            age=rules.min_age,
        )
    if rules.min_age_in_year is not None:
        yield text(
            "Från och med året man fyller {age}.",
            "From the year of turning {age}.",
            age=rules.min_age_in_year,
        )
    yield from _upper_limits(rules)
    if rules.adult_if_space:
        yield _adults(rules)
    yield from _births(rules)
    own = {
        "registered": LocalText("är folkbokförda i kommunen", "are registered in the municipality"),
        "school": LocalText("går i skola i kommunen", "go to school in the municipality"),
    }
    yield text(
        "Skolans egna elever är de som {own}; delade kurser är öppna för alla medlemskommuner.",
        "The school's own pupils are those who {own}; shared courses are open to every member municipality.",
        own=listed([own[name] for name in rules.open_to], "eller", "or"),
    )
    if rules.teacher_kinds:
        named = kinds(book, rules.teacher_kinds)
        yield text("Bara för lärare: {kinds}.", "For teachers only: {kinds}.", kinds=named)


def _adults(rules: Eligibility) -> LocalText:
    """Who is past the school's ages is an adult; where it gives none, who is older than its pupils are."""
    if (rules.max_age, rules.max_age_in_year, rules.until_upper_secondary) != (None, None, None):
        return LocalText(
            "Den som är äldre räknas som vuxen och tas emot i mån av plats.",
            "Who is older counts as an adult, and adults are admitted if there is space.",
        )
    return text(
        "Vuxna, från {age} år, tas emot i mån av plats.",
        "Adults, from {age} years of age, are admitted if there is space.",
        age=ADULT_AGE,
    )


def _upper_limits(rules: Eligibility) -> Iterator[LocalText]:
    limits = []
    if rules.max_age is not None:
        limits.append(
            text(
                "till och med {age} år, räknat på terminens första dag",
                "up to {age} years of age on the first day of the term",
                age=rules.max_age,
            )
        )
    if rules.max_age_in_year is not None:
        age = rules.max_age_in_year
        limits.append(
            text("till och med året man fyller {age}", "to the end of the year of turning {age}", age=age)
        )
    if rules.until_upper_secondary is not None:
        limits.append(_LEAVING[rules.until_upper_secondary])
    if limits:
        longest = LocalText(" (det som är längst gäller)", " (the longest of them holds)")
        more = longest if len(limits) > 1 else LocalText("", "")
        yield text(
            "Man får gå {limits}{more}.", "One may attend {limits}{more}.", limits=listed(limits), more=more
        )
    if rules.later_max_age_in_year is not None:
        yield text(
            "Den som skolan gett en senare gräns, till exempel vid funktionsnedsättning, "
            "får gå till och med året man fyller {age}.",
            "Who has a later limit from the school, with a disability for instance, "
            "may attend to the end of the year of turning {age}.",
            age=rules.later_max_age_in_year,
        )


_LEAVING = {
    "leaving": LocalText(
        "tills man slutar gymnasiet, i regel i juni det år man fyller 19",
        "until leaving upper secondary school, as a rule in June of the year of turning 19",
    ),
    "leaving_year": LocalText(
        "till och med året man slutar gymnasiet, i regel det år man fyller 19",
        "to the end of the year of leaving upper secondary school, as a rule that of turning 19",
    ),
}


def _births(rules: Eligibility) -> Iterator[LocalText]:
    if rules.born_from is not None:
        yield text("Född {day} eller senare.", "Born on {day} or later.", day=full_day(rules.born_from))
    if rules.born_to is not None:
        yield text("Född {day} eller tidigare.", "Born on {day} or earlier.", day=full_day(rules.born_to))


def when(book: RuleBook) -> Iterator[LocalText]:
    times = book.times
    if has_days(times.apply_from):
        yield text("Anmälan öppnar {days}.", "Applications open on {days}.", days=days(times.apply_from))
    if has_days(times.apply_until):
        late = LocalText("; senare anmälningar i mån av plats", "; later ones if there is space")
        yield text(
            "Sista dagen att anmäla sig är {days}{late}.",
            "The last day to apply is {days}{late}.",
            days=days(times.apply_until),
            late=late if times.late_if_space else LocalText("", ""),
        )
    if has_days(times.main_admission):
        yield text(
            "Huvudantagningen är {days}.", "The main admission is on {days}.", days=days(times.main_admission)
        )
    if book.admission == "round":
        yield text(
            "Platserna ges i en antagningsomgång: alla rangordnar kurser och placeras på en gång, i högst en "
            "plats var. Det spelar ingen roll hur tidigt under omgången man anmäler sig{keeps}.",
            "Places are given in an admission round: everybody ranks courses and is placed at once, each in "
            "one place at most. It does not matter how early in the round one applies{keeps}.",
            keeps=_KEEPS if {"queue_date", "queue_day"} & set(book.order) else LocalText("", ""),
        )
    else:
        yield LocalText(
            "En ledig plats som ingen väntar på går till den som anmäler sig först.",
            "A free seat that nobody waits for goes to who applies first.",
        )


_KEEPS = LocalText("; den som redan har ett ködatum behåller det", "; who has a queue date already keeps it")


def order(book: RuleBook) -> Iterator[LocalText]:
    rules = book.ordering
    yield text(
        "Kön går efter {order}.",
        "The queue goes by {order}.",
        order=listed([CRITERIA[name] for name in book.criteria], "och sedan", "and then"),
    )
    if has_days(rules.host_first_until) and "host_residents_first" in book.order:
        yield text(
            "De som bor i kommunen går före bara till och med {days}.",
            "Those who live in the municipality go first only until {days}.",
            days=days(rules.host_first_until),
        )
    for each in rules.reserved_seats:
        until = text(" till och med {days}", " until {days}", days=days(each.until))
        yield text(
            "På varje kurs hålls {seats} för elever från {home}{until}.",
            "On each course {seats} kept for pupils of {home}{until}.",
            seats=counted(each.seats, LocalText("plats", "seat is"), LocalText("platser", "seats are")),
            home=municipality(each.municipality_code),
            until=until if has_days(each.until) else LocalText("", ""),
        )
    if "lottery" in book.order:
        yield text(
            "Lotten dras ur fröet {seed}: vem som helst kan dra den igen.",
            "The lottery is drawn from the seed {seed}: anybody can draw it again.",
            seed=rules.lottery_seed or book.rule_book_id,
        )
    if rules.siblings_together:
        yield LocalText(
            "Syskon som söker tillsammans får plats på kursen tillsammans eller inte alls; en "
            "enstaka plats går "
            "till nästa i kön, och ett svar gäller för alla.",
            "Siblings who apply together get places on the course together or not at all; a single "
            "seat goes to "
            "the next in line, and one answer is for all of them.",
        )


def how_many(book: RuleBook) -> Iterator[LocalText]:
    limits = book.limits
    instruments = kinds(book, limits.instrument_kinds)
    if limits.courses is not None:
        courses = counted(limits.courses, LocalText("kurs", "course"), LocalText("kurser", "courses"))
        yield text("Högst {courses} samtidigt.", "At most {courses} at a time.", courses=courses)
    if limits.instruments is not None:
        more = LocalText(
            ", och ett till bara om ingen väntar på det", ", and one more only if nobody waits for it"
        )
        yield text(
            "Högst {instruments} samtidigt{more}.",
            "At most {instruments} at a time{more}.",
            instruments=counted(
                limits.instruments,
                LocalText("instrument", "instrument"),
                LocalText("instrument", "instruments"),
            ),
            more=more if limits.another_instrument_if_no_queue else LocalText("", ""),
        )
    if limits.instrument_queues is not None:
        queues = counted(
            limits.instrument_queues,
            LocalText("instrumentkö", "queue for an instrument"),
            LocalText("instrumentköer", "queues for an instrument"),
        )
        yield text("Högst {queues} samtidigt.", "At most {queues} at a time.", queues=queues)
    if limits.one_instrument:
        yield _ONE_INSTRUMENT[limits.ranked_choices is not None]
    if limits.instruments is not None or limits.instrument_queues is not None or limits.one_instrument:
        yield text(
            "Som instrument räknas {kinds}.", "What counts as an instrument: {kinds}.", kinds=instruments
        )
    yield from _together(book)


# Whether the family ranks its choices -> what one instrument means.
_ONE_INSTRUMENT = {
    False: LocalText(
        "Ett instrument åt gången: den som får eller tackar ja till en plats lämnar köerna till andra "
        "instrument, och kötiden där är förbrukad.",
        "One instrument at a time: who gets or accepts a place leaves the queues for other instruments, "
        "and the queue time there is used up.",
    ),
    True: LocalText(
        "Ett instrument åt gången: det som är högst rangordnat behålls.",
        "One instrument at a time: the one that is ranked highest is kept.",
    ),
}


def _together(book: RuleBook) -> Iterator[LocalText]:
    limits = book.limits
    if limits.ranked_choices is not None:
        yield text(
            "Högst {n} per termin, rangordnade av familjen. När ett val blir en plats faller de som "
            "rangordnats efter bort, även en plats, om gränserna inte tillåter båda; de som rangordnats "
            "före står kvar{so}.",
            "At most {n} a term, ranked by the family. When a choice becomes a place, those ranked "
            "behind it fall away, a place too, where the limits do not allow both; those ranked before it "
            "stay{so}.",
            n=counted(limits.ranked_choices, LocalText("val", "choice"), LocalText("val", "choices")),
            so=_SINGLY if book.admission == "round" else LocalText("", ""),
        )
    if limits.refuse_clashes and limits.travel_minutes:
        yield text(
            "Inga två kurser på samma tid, med {n} för resan mellan två kommuner.",
            "No two courses at the same time, with {n} to travel between two municipalities.",
            n=counted(limits.travel_minutes, LocalText("minut", "minute"), LocalText("minuter", "minutes")),
        )
    elif limits.refuse_clashes:
        yield LocalText("Inga två kurser på samma tid.", "No two courses at the same time.")


_SINGLY = LocalText(
    " (bland dem som söks efter omgången)", " (among those that are applied for after the round)"
)


def answering(book: RuleBook) -> Iterator[LocalText]:
    rules = book.answering
    if rules.answer_days is None:
        yield LocalText("Ett erbjudande gäller tills det besvaras.", "An offer stands until it is answered.")
    else:
        yield text(
            "Ett erbjudande gäller i {n} och alltid till och med en arbetsdag; sedan går det till nästa.",
            "An offer stands for {n} and always to the end of a working day; then it goes to the next.",
            n=counted(rules.answer_days, LocalText("dag", "day"), LocalText("dagar", "days")),
        )
    if rules.offers == "by_staff":
        yield LocalText(
            "En plats som blir ledig väntar tills skolan erbjuder den, i köns ordning.",
            "A seat that comes free waits until the school offers it, in the order of the queue.",
        )
    if rules.declines_kept:
        yield text(
            "Den som tackar nej behåller sin köplats {n}; nästa gång går den förlorad.",
            "Who says no keeps the place in the queue {n}; the next time it is lost.",
            n=counted(rules.declines_kept, LocalText("gång", "time"), LocalText("gånger", "times")),
        )
    else:
        yield LocalText(
            "Den som tackar nej förlorar sin köplats.", "Who says no loses the place in the queue."
        )
    if rules.answer_days is not None and rules.expiry_is_refusal:
        yield LocalText(
            "Den som inte svarar i tid räknas som en som tackat nej.", "No answer in time is a no."
        )
    elif rules.answer_days is not None:
        yield LocalText(
            "Den som inte svarar i tid förlorar sin köplats genast.",
            "Who does not answer in time loses the place in the queue at once.",
        )
