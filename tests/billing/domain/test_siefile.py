from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing.domain import siefile
from services.billing.domain.siefile import Company, Row, Voucher
from services.chassis.refusals import Refused

COMPANY = Company("Region Västmanland", "2321000172", date(2025, 1, 1), date(2025, 12, 31))
ACCOUNTS = {"1510": "Kundfordringar", "3511": "Bidrag från kommuner", "1930": 'Bank "A" \\ B'}
SALE = Voucher(
    "F",
    1,
    date(2025, 3, 31),
    "Faktura 20250001, Köping",
    (Row("1510", 1_185_393), Row("3511", -1_185_393, "andel")),
)


def write(*vouchers: Voucher, company: Company = COMPANY) -> siefile.Written:
    return siefile.write(
        company, ACCOUNTS, vouchers, generated_on=date(2026, 11, 24), program_version="0.1.0"
    )


def test_the_bytes_of_a_voucher() -> None:
    lines = write(SALE).content.decode("cp437").split("\r\n")
    assert lines == [
        "#FLAGGA 0",
        '#PROGRAM "Samklang" "0.1.0"',
        "#FORMAT PC8",
        "#GEN 20261124",
        "#SIETYP 4",
        "#ORGNR 232100-0172",
        '#FNAMN "Region Västmanland"',
        "#RAR 0 20250101 20251231",
        '#KONTO 1510 "Kundfordringar"',
        '#KONTO 3511 "Bidrag från kommuner"',
        '#VER F 1 20250331 "Faktura 20250001, Köping"',
        "{",
        "\t#TRANS 1510 {} 11853.93 20250331",
        '\t#TRANS 3511 {} -11853.93 20250331 "andel"',
        "}",
        "",
    ]
    assert b"Region V\x84stmanland" in write(SALE).content


def test_sums_and_reading_back() -> None:
    written = write(SALE, Voucher("F", 2, date(2025, 4, 1), "", (Row("1930", 5), Row("1510", -5))))
    assert written.sums == siefile.Sums(2, 4, 1_185_398, 1_185_398)
    back = siefile.read(written.content)
    assert (back.flag, back.sie_type, back.generated_on) == ("0", "4", date(2026, 11, 24))
    assert back.company == COMPANY
    assert back.accounts["1930"] == 'Bank "A" \\ B'
    assert back.vouchers[0] == SALE
    assert written.replaced == ()


def test_what_the_code_page_lacks_is_replaced_visibly_and_told() -> None:
    text = "Łódź – 5 € ’x’ \N{MUSICAL SYMBOL G CLEF}"
    written = write(Voucher("F", 1, date(2025, 3, 31), text, SALE.rows))
    assert siefile.read(written.content).vouchers[0].text == "?ód? - 5 EUR 'x' ?"
    assert written.replaced == (text,)


def test_a_change_of_one_ore_is_found() -> None:
    written = write(SALE)
    changed = written.content.replace(b"11853.93", b"11853.94")
    broken = siefile.Written(changed, written.sums, ())
    assert siefile.verify(written, COMPANY, [SALE]) == []
    assert any("sums" in problem for problem in siefile.verify(broken, COMPANY, [SALE]))
    other = Company("Region Västmanland", "2120002098", COMPANY.year_from, COMPANY.year_to)
    assert siefile.verify(written, other, [SALE]) == ["another organisation number"]


@pytest.mark.parametrize(
    ("voucher", "name"),
    [
        (Voucher("F", 1, date(2025, 3, 31), "", (Row("1510", 1), Row("3511", -2))), "sie_voucher_unbalanced"),
        (Voucher("F", 1, date(2025, 3, 31), "", (Row("9999", 1), Row("3511", -1))), "sie_account_unknown"),
        (Voucher("F", 1, date(2024, 12, 31), "", SALE.rows), "sie_voucher_outside_year"),
        (Voucher("F", 1, date(2025, 3, 31), "", ()), "sie_voucher_malformed"),
        (Voucher("F F", 1, date(2025, 3, 31), "", SALE.rows), "sie_voucher_malformed"),
    ],
)
def test_vouchers_that_are_not_handed_over(voucher: Voucher, name: str) -> None:
    with pytest.raises(Refused) as refused:
        write(SALE, voucher)
    assert refused.value.refusal.name == name


def test_nothing_is_no_file() -> None:
    with pytest.raises(Refused) as refused:
        write()
    assert refused.value.refusal.name == "sie_nothing"


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (b"11853.93 20250331\r\n", b"11853.92 20250331\r\n", 15),
        (b"#FORMAT PC8\r\n", b"", 15),
        (b"PC8", b"UTF8", 16),
        (b"\r\n}\r\n", b"\r\n", 15),
        (b"\r\n{\r\n", b"\r\n", 12),
        (b"#VER F", b"#KONTO F", 12),
        (b'20250331 "F', b'20250230 "F', 15),
        (b'20250331 "F', b'2025331 "F', 15),
        (b"#KONTO 3511", b"#KONTO 3512", 15),
        (b'"andel"', b'"andel', 14),
        (b"#TRANS 3511 {}", b"#TRANS 3511 []", 14),
        (b"-11853.93", b"-11853,93", 14),
        (b"#RAR 0 20250101", b"#RAR 0 2025", 16),
    ],
)
def test_a_broken_file_is_refused_by_line(before: bytes, after: bytes, line: int) -> None:
    content = write(SALE).content
    assert content.count(before) >= 1
    with pytest.raises(Refused) as refused:
        siefile.read(content.replace(before, after, 1))
    assert (refused.value.refusal.name, refused.value.refusal.facts["line"]) == ("sie_file_broken", line)


AMOUNTS = st.integers(-(10**13), 10**13)


@st.composite
def vouchers(draw: st.DrawFn) -> list[Voucher]:
    made = []
    for number in range(1, draw(st.integers(1, 4)) + 1):
        amounts = draw(st.lists(AMOUNTS, min_size=1, max_size=4))
        accounts = st.sampled_from(sorted(ACCOUNTS))
        rows = [Row(draw(accounts), ore, draw(st.text(max_size=20))) for ore in amounts]
        rows.append(Row(draw(accounts), -sum(amounts)))
        day = draw(st.dates(COMPANY.year_from, COMPANY.year_to))
        made.append(Voucher("F", number, day, draw(st.text(max_size=40)), tuple(rows)))
    return made


@given(vouchers())
def test_any_vouchers_come_back_as_they_went(given: list[Voucher]) -> None:
    written = write(*given)
    back = siefile.read(written.content)
    assert siefile.sums_of(back.vouchers) == siefile.sums_of(given) == written.sums
    assert written.sums.debit_ore == written.sums.credit_ore
    for before, after in zip(given, back.vouchers, strict=True):
        assert after.text == siefile.plain(before.text)
        assert [(row.account, row.amount_ore) for row in after.rows] == [
            (row.account, row.amount_ore) for row in before.rows
        ]
