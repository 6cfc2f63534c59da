"""What a place costs, what it costs to leave it, and what may be tried for nothing: in plain words."""

from __future__ import annotations

from collections.abc import Iterator

from services.contracts.fact import LocalText
from services.contracts.rule_book import Fee, RuleBook
from services.contracts.rule_dates import AUTUMN, SPRING
from services.contracts.rule_prices import PriceRule, Pricing, Rental, Trial, WithdrawalStep
from services.contracts.rule_words.names import INSTRUMENTS, as_words
from services.contracts.rule_words.parts import (
    counted,
    days,
    has_days,
    kinds,
    listed,
    money,
    municipality,
    text,
)

NOTHING = LocalText("", "")


def prices(book: RuleBook) -> Iterator[LocalText]:
    for fee in book.fees:
        yield _fee(fee)
    pricing = book.pricing
    for rule in pricing.rules:
        conditions = list(_conditions(book, rule))
        more = text(" ({when})", " ({when})", when=listed(conditions)) if conditions else NOTHING
        yield text(
            "{what}: {effect}{more}.",
            "{what}: {effect}{more}.",
            what=rule.text,
            effect=_effect(rule),
            more=more,
        )
    if any(rule.child_from is not None or rule.child_to is not None for rule in pricing.rules) or (
        pricing.siblings_by == "address"
    ):
        yield _siblings(pricing.siblings_by)
    if pricing.not_counted_kinds:
        yield text(
            "Räknas varken som en kurs eller som ett barn med kurs i familjen: {kinds}.",
            "Counted neither as a course nor as a child of the family with a course: {kinds}.",
            kinds=kinds(book, pricing.not_counted_kinds),
        )
    if pricing.rental is not None:
        yield from _rental(book, pricing.rental)
    yield from _help(pricing)


def _help(pricing: Pricing) -> Iterator[LocalText]:
    if pricing.relief is not None:
        yield pricing.relief.text
        if pricing.relief.income_base_amounts is not None:
            yield text(
                "Gränsen är en hushållsinkomst under {amounts}.",
                "The limit is a household income under {amounts}.",
                amounts=counted(
                    pricing.relief.income_base_amounts,
                    LocalText("inkomstbasbelopp", "income base amount"),
                    LocalText("inkomstbasbelopp", "income base amounts"),
                ),
            )
    if pricing.voucher is not None:
        yield pricing.voucher.text
        yield text(
            "Fritidskortet gäller de år barnet fyller {min} till {max}.",
            "The Fritidskort is for the years in which the child turns {min} to {max}.",
            min=pricing.voucher.min_age_in_year,
            max=pricing.voucher.max_age_in_year,
        )


def _fee(fee: Fee) -> LocalText:
    if fee.fee_ore == 0:
        return text("{what}: avgiftsfritt.", "{what}: free of charge.", what=fee.text)
    return text("{what}: {fee} per termin.", "{what}: {fee} a term.", what=fee.text, fee=money(fee.fee_ore))


def _siblings(by: str) -> LocalText:
    if by == "address":
        return LocalText(
            "Syskon är de som bor på samma adress. Ingen adress sparas: skolan antecknar vilka som "
            "bor ihop, och tills "
            "dess räknas de som har både vårdnadshavare och hemkommun gemensamt.",
            "Siblings are those who live at the same address. No address is kept: the school records "
            "who lives "
            "together, and until then those with a guardian and a home municipality in common count.",
        )
    return LocalText(
        "Syskon är barn som har en vårdnadshavare gemensam.",
        "Siblings are children with a guardian in common.",
    )


def _effect(rule: PriceRule) -> LocalText:
    if rule.effect == "fee_ore":
        return text("avgiften är {fee}", "the fee is {fee}", fee=money(rule.amount))
    if rule.effect == "less_ore":
        return text("{fee} mindre", "{fee} less", fee=money(rule.amount))
    if rule.effect == "more_ore":
        return text("{fee} mer", "{fee} more", fee=money(rule.amount))
    if rule.effect == "lessons_left":
        least = text(", minst {n} % av den", ", at least {n} % of it", n=rule.amount)
        return text(
            "den del av avgiften som är för kursens återstående lektioner{least}",
            "the part of the fee that is for the lessons that are left of the course{least}",
            least=least if rule.amount else NOTHING,
        )
    return text("{n} % av avgiften", "{n} % of the fee", n=rule.amount)


def _conditions(book: RuleBook, rule: PriceRule) -> Iterator[LocalText]:
    if rule.kinds:
        yield text("för {kinds}", "for {kinds}", kinds=kinds(book, rule.kinds))
    if rule.not_kinds:
        yield text("inte för {kinds}", "not for {kinds}", kinds=kinds(book, rule.not_kinds))
    yield from _range("{range} år", "{range} years of age", rule.min_age, rule.max_age)
    yield from _range(
        "kurs {range} för eleven", "the pupil's course {range}", rule.course_from, rule.course_to
    )
    yield from _range(
        "barn {range} i familjen", "child {range} of the family", rule.child_from, rule.child_to
    )
    yield from _flags(rule)
    if rule.another_not_of:
        yield text(
            "{kinds} räknas inte som en annan kurs",
            "{kinds} does not count as another course",
            kinds=kinds(book, rule.another_not_of),
        )
    if rule.home_municipalities:
        yield text(
            "för den som bor i {homes}",
            "for who lives in {homes}",
            homes=listed(map(municipality, rule.home_municipalities), "eller", "or"),
        )
    yield from _in_terms(rule.terms)
    if has_days(rule.joins_from):
        yield text("för den som börjar från {days}", "for who joins from {days}", days=days(rule.joins_from))


def _flags(rule: PriceRule) -> Iterator[LocalText]:
    said = (
        (rule.adult, ("för vuxna", "for adults"), ("för barn och unga", "for children and young people")),
        (
            rule.has_another_course,
            ("för den som går en annan kurs", "for who takes another course"),
            ("för den som inte går någon annan kurs", "for who takes no other course"),
        ),
        (
            rule.new_pupil,
            ("för nya elever", "for new pupils"),
            ("för den som redan är elev", "for who is a pupil already"),
        ),
        (
            rule.lives_in_host,
            ("för den som bor i kommunen", "for who lives in the municipality"),
            ("för den som bor i en annan kommun", "for who lives in another municipality"),
        ),
        (
            rule.with_relief,
            ("med beslut om nedsatt avgift", "with a decision on a reduced fee"),
            ("utan beslut om nedsatt avgift", "without a decision on a reduced fee"),
        ),
    )
    for value, if_so, if_not in said:
        if value is not None:
            yield LocalText(*(if_so if value else if_not))


def _range(sv: str, en: str, least: int | None, most: int | None) -> Iterator[LocalText]:
    if least is None and most is None:
        return
    if least == most:
        found = LocalText(str(least), str(least))
    elif most is None:
        found = LocalText(f"{least} och uppåt", f"{least} and up")
    elif least is None:
        found = LocalText(f"till och med {most}", f"up to {most}")
    else:
        found = LocalText(f"{least}–{most}", f"{least}–{most}")
    yield text(sv, en, range=found)


def _rental(book: RuleBook, rental: Rental) -> Iterator[LocalText]:
    per = LocalText("läsår", "school year") if rental.per == "school_year" else LocalText("termin", "term")
    yield text(
        "{what}: {fee} per {per}, till {kinds}.",
        "{what}: {fee} a {per}, for {kinds}.",
        what=rental.text,
        fee=money(rental.fee_ore),
        per=per,
        kinds=kinds(book, rental.kinds),
    )
    if rental.fees:
        own = [
            text("{name} {fee}", "{name} {fee}", name=_instrument(each.instrument), fee=money(each.fee_ore))
            for each in rental.fees
        ]
        yield text("Med egen hyra: {fees}.", "With a rent of its own: {fees}.", fees=listed(own))
    if rental.max_school_years is not None:
        yield text(
            "Man får hyra i högst {years}.",
            "One may rent for at most {years}.",
            years=counted(
                rental.max_school_years,
                LocalText("läsår", "school year"),
                LocalText("läsår", "school years"),
            ),
        )
    if rental.free_instruments:
        named = _instruments(rental.free_instruments)
        yield text("Lånas ut utan avgift: {names}.", "Lent free of charge: {names}.", names=named)
    if rental.unlimited_instruments:
        named = _instruments(rental.unlimited_instruments)
        yield text("Får behållas hela tiden: {names}.", "May be kept the whole time: {names}.", names=named)


def _instruments(keys: tuple[str, ...]) -> LocalText:
    return listed(_instrument(key) for key in keys)


def _instrument(key: str) -> LocalText:
    return INSTRUMENTS.get(key) or as_words(key)


def _lessons(n: int) -> LocalText:
    return counted(n, LocalText("lektion", "lesson"), LocalText("lektioner", "lessons"))


def trials(book: RuleBook) -> Iterator[LocalText]:
    for trial in book.trials:
        yield trial.text
        yield text(
            "Gratis att prova: {lessons}{who}.",
            "Free to try: {lessons}{who}.",
            lessons=_lessons(trial.lessons),
            who=text(", {who}", ", {who}", who=listed(_of_trial(book, trial)))
            if _narrows(trial)
            else NOTHING,
        )


def _narrows(trial: Trial) -> bool:
    return bool(
        trial.kinds or trial.new_pupils_only or trial.adults_only or set(trial.terms) != {AUTUMN, SPRING}
    )


def _of_trial(book: RuleBook, trial: Trial) -> Iterator[LocalText]:
    if trial.kinds:
        yield text("för {kinds}", "for {kinds}", kinds=kinds(book, trial.kinds))
    yield from _in_terms(trial.terms)
    if trial.new_pupils_only:
        yield LocalText("för nya elever", "for new pupils")
    if trial.adults_only:
        yield LocalText("för vuxna", "for adults")


def _in_terms(seasons: tuple[str, ...]) -> Iterator[LocalText]:
    if set(seasons) == {AUTUMN}:
        yield LocalText("på höstterminen", "in the autumn term")
    if set(seasons) == {SPRING}:
        yield LocalText("på vårterminen", "in the spring term")


def leaving(book: RuleBook) -> Iterator[LocalText]:
    rules = book.withdrawal
    if has_days(rules.deadline):
        yield text(
            "Sista dagen att säga upp en plats är {days}.",
            "The last day to give up a place is {days}.",
            days=days(rules.deadline),
        )
    for step in rules.steps:
        yield text(
            "{what} Att säga upp kostar {cost} {until}{kinds}.",
            "{what} To give up the place costs {cost} {until}{kinds}.",
            what=step.text,
            cost=_cost(step),
            until=_until(step),
            kinds=text(" (för {kinds})", " (for {kinds})", kinds=kinds(book, step.kinds))
            if step.kinds
            else NOTHING,
        )
    if rules.only_guardian:
        yield LocalText(
            "Bara en vårdnadshavare får säga upp platsen för en elev under 18 år.",
            "Only a guardian may give up the place of a pupil under 18.",
        )
    if book.lessons_a_school_year is not None:
        yield text(
            "Skolan garanterar {lessons} per läsår.",
            "The school guarantees {lessons} a school year.",
            lessons=_lessons(book.lessons_a_school_year),
        )


def _cost(step: WithdrawalStep) -> LocalText:
    if step.cost_percent is not None:
        return text("{n} % av avgiften", "{n} % of the fee", n=step.cost_percent)
    if step.cost_ore is None:
        return LocalText("hela avgiften", "the whole fee")
    return money(step.cost_ore)


def _until(step: WithdrawalStep) -> LocalText:
    return {
        "answer_time": text(
            "till och med dag {n} efter erbjudandet, eller efter beslutet om inget erbjudande gjordes",
            "to and including day {n} after the offer, or after the decision where no offer was made",
            n=step.days,
        ),
        "deadline": LocalText(
            "till och med sista uppsägningsdagen", "to and including the last day to give up"
        ),
        "term_start": LocalText("före terminens första dag", "before the first day of the term"),
        "first_lesson": LocalText("före första lektionen", "before the first lesson"),
        "lessons": text("till och med lektion {n}", "to and including lesson {n}", n=step.lessons),
        "day": text("till och med {days}", "to and including {days}", days=days(step.day)),
        "before_day": text("före {days}", "before {days}", days=days(step.day)),
        "end": LocalText("därefter", "after that"),
    }[step.until]
