"""Whatever happens to a year, in whatever order, every equation holds once it is corrected."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.domain import invoicing
from services.billing.domain.agreements import BY_DAY, BY_PERIOD, KRONA, ORE, DayOfYear, Membership, Terms
from services.billing.domain.basis import Basis, Member, paying_members
from services.billing.domain.invoicing import Live
from services.billing.domain.reconciling import Paper, Plan, Reconciliation, bucket_of, reconcile
from tests.billing.domain.test_instalments import RULE, basis_of
from tests.billing.examples import NINE_ORE, POPULATIONS

TODAY = date(2025, 11, 24)
SINCE = date(2015, 1, 1)
YEAR = 2025


@dataclass
class Year:
    """A year as the product keeps it: a basis and its version, what is issued, and the ledger's claims."""

    terms: Terms
    budget_ore: int
    populations: dict[str, int]
    spans: list[Membership]
    version: int = 1
    issued: set[int] = field(default_factory=set)
    live: list[Live] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)
    claims: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def basis(self) -> Basis:
        spans = tuple(sorted(self.spans, key=lambda span: (span.code, span.joined_on)))
        codes = paying_members(YEAR, self.terms, spans)
        populations = {code: self.populations[code] for code in codes}
        basis = basis_of(self.terms, populations, spans, self.budget_ore)
        return replace(
            basis,
            members=tuple(Member(c, c, self.populations[c], self.version, "scb.se") for c in codes),
            memberships=tuple(span for span in spans if span.code in codes),
        )

    def issue(self, number: int) -> None:
        if number in self.issued or number > len(self.terms.due_days):
            return
        instalment = self.basis.instalments()[number - 1]
        self.issued.add(number)
        for draft in invoicing.drafts(self.basis, instalment, TODAY):
            self._paper(draft.payer_code, number, draft.amount_ore)

    def correct(self) -> int:
        """The sum of what was credited and issued anew."""
        found = invoicing.changes(self.basis, self.basis.instalments(), self.issued, self.live, TODAY)
        for change in found:
            if change.credit:
                self.live.remove(change.credit)
                self._paper(change.payer_code, change.period.number, -change.credit.amount_ore)
            if change.draft:
                self._paper(change.payer_code, change.period.number, change.draft.amount_ore)
        return sum(change.delta_ore for change in found)

    def _paper(self, code: str, number: int, ore: int) -> None:
        kind = "invoice" if ore > 0 else "credit_note"
        self.papers.append(Paper(code, kind, number, self.version, ore, max(ore, 0), TODAY))
        self.claims[code, kind] = self.claims.get((code, kind), 0) + ore
        if ore > 0:
            name = f"i{len(self.papers)}"
            self.live.append(Live(name, name, f"r{self.version}", code, code, number, ore, ""))

    def reconciled(self) -> Reconciliation:
        shares = self.basis.shares()
        instalments = {each.period.number: each.amounts_ore for each in self.basis.instalments()}
        plan = Plan(YEAR, self.version, self.budget_ore, shares.by_payer, instalments, frozenset(self.issued))
        return reconcile(plan, self.papers, self.claims, {}, TODAY)


CODES = sorted(POPULATIONS)
events = st.one_of(
    st.tuples(st.just("issue"), st.integers(1, 12)),
    st.tuples(st.just("correct"), st.just(0)),
    st.tuples(st.just("revise"), st.tuples(st.sampled_from(CODES), st.integers(1, 200_000))),
    st.tuples(st.just("leave"), st.tuples(st.sampled_from(CODES[1:]), st.dates(SINCE, date(2026, 6, 30)))),
    st.tuples(st.just("join"), st.tuples(st.sampled_from(CODES[1:]), st.dates(SINCE, date(2026, 6, 30)))),
    st.tuples(st.just("budget"), st.integers(1, 10**9)),
)


def happen(year: Year, kind: str, what: object) -> None:
    year.version += kind in ("revise", "leave", "join", "budget")
    if kind == "issue":
        assert isinstance(what, int)
        year.issue(what)
    elif kind == "correct":
        year.correct()
    elif kind == "budget":
        assert isinstance(what, int)
        year.budget_ore = what
    else:
        assert isinstance(what, tuple)
        code, value = what
        if kind == "revise":
            year.populations[code] = value
        else:
            year.spans = [span for span in year.spans if span.code != code]
            joined, left = (SINCE, value) if kind == "leave" else (value, None)
            year.spans.append(Membership(code, code, joined, left))


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from((1, 2, 4, 12)),
    st.sampled_from((ORE, KRONA)),
    st.sampled_from((BY_PERIOD, BY_DAY)),
    st.integers(1, 10**9),
    st.lists(events, max_size=12),
)
def test_whatever_happens_every_equation_holds(
    count: int, rounding: str, change: str, budget_ore: int, story: list[tuple[str, object]]
) -> None:
    due = tuple(DayOfYear(1 + n * (12 // count), 28) for n in range(count))
    terms = Terms(RULE, due, rounding, change, 30, netting=True)
    spans = [Membership(code, code, SINCE, None) for code in CODES[:-1]]
    year = Year(terms, budget_ore, dict(POPULATIONS), spans)
    for kind, what in story:
        happen(year, kind, what)
        # Between the events the books hold, and a row that is off says why, to the öre.
        for row in year.reconciled().rows:
            assert row.off_ledger_ore == 0
            assert row.off_ore == sum(cause.ore for cause in row.causes)
    year.correct()
    result = year.reconciled()
    assert result.agrees
    assert [equation.off_ore for equation in result.equations] == [0, 0, 0, 0]
    assert year.correct() == 0
    for number in range(1, 13):
        year.issue(number)
    assert year.reconciled().total("asked_ore") == year.budget_ore
    assert year.reconciled().agrees


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(CODES[:-1]), st.integers(1, 200_000)), max_size=6))
def test_revisions_of_a_whole_year_sum_to_zero(revisions: list[tuple[str, int]]) -> None:
    terms = Terms(RULE, tuple(DayOfYear(m, 28) for m in (1, 4, 7, 10)), ORE, BY_PERIOD, 30, netting=True)
    year = Year(terms, 10**8, dict(POPULATIONS), [Membership(c, c, SINCE, None) for c in CODES[:-1]])
    for number in (1, 2, 3):
        year.issue(number)
    for code, people in revisions:
        happen(year, "revise", (code, people))
        assert year.correct() == 0


def test_a_difference_names_its_instalments_and_versions() -> None:
    terms = Terms(RULE, tuple(DayOfYear(m, 28) for m in (1, 4, 7, 10)), ORE, BY_PERIOD, 30, netting=True)
    spans = [Membership(c, c, SINCE, None) for c in CODES if c != "1907"]
    year = Year(terms, 10**8, dict(POPULATIONS), spans)
    year.issue(1)
    assert year.reconciled().total("share_ore") == 10**8
    happen(year, "revise", ("1981", 22_900))
    row = next(row for row in year.reconciled().rows if row.code == "1981")
    (cause,) = row.causes
    assert (cause.kind, cause.instalments, cause.versions) == ("earlier_version", (1,), (1,))
    assert cause.ore == row.off_ore > 0
    assert not row.agrees
    year.claims["1962", "invoice"] += 1
    row = next(row for row in year.reconciled().rows if row.code == "1962")
    assert (row.off_ledger_ore, [c.kind for c in row.causes]) == (-1, ["earlier_version", "ledger"])


def test_a_payment_closes_what_is_open() -> None:
    terms = Terms(RULE, (DayOfYear(1, 31),), ORE, BY_PERIOD, 30, netting=True)
    spans = [Membership(c, c, SINCE, None) for c in CODES if c != "1907"]
    year = Year(terms, 10**8, dict(POPULATIONS), spans)
    year.issue(1)
    year.claims["1962", "payment"] = -NINE_ORE["1962"] + 1
    row = next(row for row in year.reconciled().rows if row.code == "1962")
    assert (row.paid_ore, row.open_ore, row.agrees) == (NINE_ORE["1962"] - 1, 1, True)


@pytest.mark.parametrize(
    ("days", "bucket"),
    [
        (-5, "not_due"),
        (0, "not_due"),
        (1, "1-30"),
        (30, "1-30"),
        (31, "31-60"),
        (90, "61-90"),
        (91, "over_90"),
    ],
)
def test_ageing_counts_days_after_the_due_date(days: int, bucket: str) -> None:
    assert bucket_of(date.fromordinal(TODAY.toordinal() - days), TODAY) == bucket
