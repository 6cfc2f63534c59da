from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain.camt.reading import read_file, same_account
from services.billing.domain.camt.statement import NOTIFICATION, STATEMENT, Statement
from services.billing.domain.camt.xml import MOST_BYTES
from services.chassis.refusals import Refused
from tests.billing.bank_files import ACCOUNT, VERSIONS, Line, Part, bank_file


def read(content: bytes, account: str = ACCOUNT) -> Statement:
    (statement,) = read_file(content, account).statements
    return statement


def refusal(content: bytes, account: str = ACCOUNT) -> tuple[str, str | None, dict[str, Any]]:
    with pytest.raises(Refused) as refused:
        read_file(content, account)
    found = refused.value.refusal
    assert found.status == 422
    return found.name, found.rule, dict(found.facts)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_says_the_same(version: str) -> None:
    part = Part("11853.93", "2025 00013", "Köping & co", payer_account="SE35 1", end_to_end="E1")
    statement = read(bank_file([Line("11853.93", [part], bank_reference="B1")], version))
    assert statement.kind == (STATEMENT if ".053." in version else NOTIFICATION)
    assert (statement.version, statement.message_id, statement.currency) == (version, "M-2025-04-30", "SEK")
    (payment,) = statement.payments
    assert (payment.amount_ore, payment.currency, payment.is_credit, payment.is_reversal) == (
        1_185_393,
        "SEK",
        True,
        False,
    )
    assert payment.references == ("2025 00013",)
    assert (payment.message, payment.payer_name) == ("Köping & co", "Norbergs kommun")
    assert (payment.payer_account, payment.end_to_end) == ("SE35 1", "E1")
    assert payment.booked_on.isoformat() == "2025-04-30"


@pytest.mark.parametrize("version", VERSIONS)
def test_a_batch_is_split_and_its_parts_are_the_whole(version: str) -> None:
    parts = [Part("1.00", "18"), Part("2.50", "26"), Part("0.01")]
    (entry,) = read(bank_file([Line("3.51", parts)], version)).entries
    assert [payment.amount_ore for payment in entry.payments] == [100, 250, 1]
    assert len({payment.key for payment in entry.payments}) == 3
    name, _rule, facts = refusal(bank_file([Line("3.52", parts)], version))
    assert (name, facts["batch"]) == ("statement_batch_differs", 352)


def test_without_details_the_entry_is_the_payment() -> None:
    (payment,) = read(bank_file([Line("10.00")])).payments
    assert (payment.amount_ore, payment.references, payment.payer_name) == (1000, (), "")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_bank_takes_back(version: str) -> None:
    line = Line("5.00", [Part("5.00", "18", end_to_end="E1")], credit=False, reversal=True)
    returned = Line("6.00", [Part("6.00", returned=True)], credit=False)
    payments = read(bank_file([line, returned], version)).payments
    assert [(each.signed_ore, each.is_reversal) for each in payments] == [(-500, True), (-600, True)]
    assert payments[0].payer_name == "Norbergs kommun"


def test_foreign_currency() -> None:
    paid = Part("112.30", instructed=("10.00", "EUR"))
    kept = Line("10.00", [Part("10.00", currency="EUR")], currency="EUR")
    payments = read(bank_file([Line("112.30", [paid]), kept])).payments
    assert [(each.currency, each.original_amount, each.original_currency) for each in payments] == [
        ("SEK", "10.00", "EUR"),
        ("EUR", "", ""),
    ]


def test_what_is_not_booked_yet_is_counted_and_left() -> None:
    statement = read(bank_file([Line("1.00"), Line("2.00", status="PDNG")]))
    assert (len(statement.entries), statement.pending) == (1, 1)


def test_the_balances_must_agree() -> None:
    lines = [Line("10.00"), Line("3.00", credit=False)]
    statement = read(bank_file(lines, balances=("-1.00", "6.00")))
    assert (statement.opening_ore, statement.closing_ore) == (-100, 600)
    name, _rule, facts = refusal(bank_file(lines, balances=("-1.00", "6.01")))
    assert (name, facts) == ("statement_does_not_add_up", {"ore": -1})


def test_an_entry_is_known_again_in_another_file() -> None:
    line = Line("3.50", [Part("1.00"), Part("2.50")], bank_reference="B1")
    told = read(bank_file([line], "camt.054.001.02", statement_id="n1"))
    booked = read(bank_file([Line("3.50", bank_reference="B1")], "camt.053.001.08", statement_id="s1"))
    assert told.entries[0].key == booked.entries[0].key
    other = read(bank_file([Line("3.50", bank_reference="B2")]))
    assert other.entries[0].key != booked.entries[0].key
    twins = read(bank_file([Line("3.50"), Line("3.50")]))
    assert len({entry.key for entry in twins.entries}) == 2


def test_the_same_bytes_have_the_same_digest() -> None:
    content = bank_file([Line("1.00")])
    assert read_file(content, ACCOUNT).digest == read_file(content, ACCOUNT).digest
    assert read_file(content, ACCOUNT).digest != read_file(content + b"\n", ACCOUNT).digest


def test_a_statement_of_another_account() -> None:
    name, rule, facts = refusal(bank_file([Line("1.00")]), "SE0000000000000000000000")
    assert (name, rule, facts["found"]) == ("statement_of_another_account", "own-account-only", ACCOUNT)
    assert same_account("se45 5000 0000 0583 9825 7466", ACCOUNT)
    assert not same_account("", "")


GOOD = bank_file([Line("1.00", [Part("1.00", "18")])])
DOCTYPE = b"<!DOCTYPE Document %s>"


def with_doctype(inside: bytes, reference: bytes = b"") -> bytes:
    head, _, rest = GOOD.partition(b"?>")
    return head + b"?>" + DOCTYPE % inside + rest.replace(b"<Ref>18", b"<Ref>" + reference)


LAUGHS = (
    b"[<!ENTITY a 'ha'>"
    + b"".join(
        b"<!ENTITY %c '&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;'>" % (new, *[old] * 8)
        for old, new in zip(b"abcdefghijk", b"bcdefghijkl", strict=True)
    )
    + b"]"
)


@pytest.mark.parametrize(
    "content",
    [
        with_doctype(b"[<!ENTITY x SYSTEM 'file:///etc/hostname'>]", b"&x;"),
        with_doctype(b"[<!ENTITY x SYSTEM 'http://127.0.0.1:1/x'>]", b"&x;"),
        with_doctype(b"[<!ENTITY % x SYSTEM 'http://127.0.0.1:1/x'> %x;]"),
        with_doctype(b"SYSTEM 'http://127.0.0.1:1/x.dtd'"),
        with_doctype(LAUGHS, b"&l;"),
        with_doctype(b"[<!ENTITY q '" + b"x" * 50_000 + b"'>]", b"&q;" * 5000),
        with_doctype(b"[]"),
    ],
    ids=[
        "xxe-file",
        "xxe-http",
        "parameter-entity",
        "external-dtd",
        "billion-laughs",
        "quadratic",
        "doctype",
    ],
)
def test_no_document_type_and_so_no_entity(content: bytes) -> None:
    name, rule, _facts = refusal(content)
    assert (name, rule) == ("statement_unsafe", "xml-no-document-type")


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "statement_unreadable"),
        (b"not xml", "statement_unreadable"),
        (GOOD[:-5], "statement_unreadable"),
        (GOOD.replace(b"<Ref>18", b"<Ref>&nothing;"), "statement_unreadable"),
        (GOOD.replace(b'encoding="UTF-8"', b'encoding="nonsense"'), "statement_unreadable"),
        (GOOD + b" " * MOST_BYTES, "statement_too_large"),
        (b"<a>" * 100 + b"</a>" * 100, "statement_too_large"),
        (b"<a>" + b"<b/>" * 150_000 + b"</a>", "statement_too_large"),
        (b"<a/>", "statement_kind_unknown"),
        (GOOD.replace(b"053.001.08", b"053.001.99"), "statement_kind_unknown"),
        (GOOD.replace(b"053.001.08", b"052.001.08"), "statement_kind_unknown"),
        (GOOD.replace(b"Stmt>", b"Stm>"), "statement_empty"),
        (GOOD.replace(b"<Id>2025-04-30</Id>", b""), "statement_incomplete"),
        (GOOD.replace(b"<CdtDbtInd>CRDT", b"<CdtDbtInd>BOTH"), "statement_incomplete"),
        (GOOD.replace(b"<BookgDt><Dt>2025-04-30", b"<BookgDt><Dt>2025-02-29"), "statement_incomplete"),
        (GOOD.replace(b">1.00<", b">-1.00<"), "statement_amount_wrong"),
        (GOOD.replace(b">1.00<", b">1.005<"), "statement_amount_wrong"),
        (GOOD.replace(b">1.00<", b">1e2<"), "statement_amount_wrong"),
        (GOOD.replace(b">1.00<", b">NaN<"), "statement_amount_wrong"),
        (GOOD.replace(b' Ccy="SEK"', b""), "statement_amount_wrong"),
        (GOOD.replace(b'<Ntry><Amt Ccy="SEK">1.00</Amt>', b"<Ntry>"), "statement_amount_wrong"),
    ],
)
def test_what_is_refused(content: bytes, name: str) -> None:
    assert refusal(content)[0] == name


def test_29_february_and_three_decimals_that_are_none() -> None:
    content = bank_file([Line("1.000", day="2024-02-29")])
    assert read(content).payments[0].booked_on.isoformat() == "2024-02-29"


def test_a_persons_number_is_not_kept() -> None:
    (payment,) = read(bank_file([Line("1.00", [Part("1.00", payer_number="198112189876")])])).payments
    assert payment.payer_organisation_number == ""


ORE = st.integers(1, 10**12)


@given(
    st.lists(st.tuples(st.lists(ORE, min_size=1, max_size=5), st.booleans()), max_size=6),
    st.sampled_from(VERSIONS),
)
def test_the_payments_are_the_bookings(batches: list[tuple[list[int], bool]], version: str) -> None:
    def kronor(ore: int) -> str:
        return f"{ore // 100}.{ore % 100:02d}"

    lines = [
        Line(kronor(sum(parts)), [Part(kronor(ore)) for ore in parts], credit=credit)
        for parts, credit in batches
    ]
    total = sum(sum(parts) * (1 if credit else -1) for parts, credit in batches)
    closing = f"{'-' if total < 0 else ''}{kronor(abs(total))}"
    statement = read(bank_file(lines, version, balances=("0.00", closing)))
    assert sum(payment.signed_ore for payment in statement.payments) == total
    assert len({payment.key for payment in statement.payments}) == len(statement.payments)


@given(st.binary(max_size=300))
def test_whatever_comes_is_read_or_refused(content: bytes) -> None:
    with pytest.raises(Refused):
        read_file(content, ACCOUNT)
