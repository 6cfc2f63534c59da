from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.billing.peppol import rules
from services.billing.peppol.document import EXEMPT, STANDARD, Address, EInvoice, Line, Party, PayTo, Tax
from services.billing.peppol.ubl import to_xml
from services.chassis.refusals import Refused
from tests.billing.peppol.examples import CREDIT_1, INVOICE_1, MIXED_RATES, NORBERG, REGION


@pytest.mark.parametrize("invoice", [INVOICE_1, CREDIT_1, MIXED_RATES], ids=["invoice", "credit", "rates"])
def test_what_we_send_passes_every_layer_without_even_a_warning(invoice: EInvoice) -> None:
    document = rules.checked(invoice)
    assert rules.validate(document) == []
    assert document == to_xml(invoice)


def test_the_totals_of_mixed_rates() -> None:
    assert [(part.tax.percent, part.taxable_ore, part.tax_ore) for part in MIXED_RATES.tax_parts] == [
        (6, 332, 20),
        (25, 10_001, 2500),
    ]
    assert MIXED_RATES.payable_ore == 10_333 + 2520


SUM = b'currencyID="SEK">2511.86'
FIRST_SUM = b"<cbc:LineExtensionAmount " + SUM + b"</cbc:LineExtensionAmount>\n    <cbc:TaxEx"
TAX_TOTAL = b'<cbc:TaxAmount currencyID="SEK">0.00</cbc:TaxAmount>\n    <cac:TaxSubtotal>'
REASON = "<cbc:TaxExemptionReason>" + Tax().reason + "</cbc:TaxExemptionReason>"
BIS = b"urn:fdc:peppol.eu:2017:poacc:billing"


def off(name: bytes, ore: bytes = b"2511.85") -> tuple[bytes, bytes]:
    return name + b" " + SUM, name + b' currencyID="SEK">' + ore


# The one rule that must say no, by layer, and what is changed in the bytes of a good invoice.
BROKEN = [
    (rules.EN16931, "BR-CO-15", *off(b"TaxInclusiveAmount")),
    (rules.EN16931, "BR-CO-10", FIRST_SUM, FIRST_SUM.replace(b".86", b".85")),
    (rules.EN16931, "BR-CO-16", *off(b"PayableAmount")),
    (rules.EN16931, "BR-CO-14", TAX_TOTAL, TAX_TOTAL.replace(b"0.00", b"1.00")),
    (rules.EN16931, "BR-CL-04", b"DocumentCurrencyCode>SEK", b"DocumentCurrencyCode>XXQ"),
    (rules.EN16931, "BR-CL-01", b"InvoiceTypeCode>380", b"InvoiceTypeCode>999"),
    (rules.EN16931, "BR-CL-14", b"IdentificationCode>SE", b"IdentificationCode>QQ"),
    (rules.EN16931, "BR-CL-23", b'unitCode="C62"', b'unitCode="styck"'),
    (rules.EN16931, "BR-O-10", REASON.encode(), b""),
    (rules.EN16931, "BR-27", *off(b"PriceAmount", b"-2511.86")),
    (rules.EN16931, "BR-29", b"EndDate>2025-03-31", b"EndDate>2024-03-31"),
    (rules.EN16931, "BR-DEC-18", *off(b"PayableAmount", b"2511.860")),
    (rules.PEPPOL, "PEPPOL-EN16931-R004", BIS + b":3.0", BIS + b":2.0"),
    (rules.PEPPOL, "PEPPOL-EN16931-R007", BIS + b":01:1.0", BIS + b":xx:1.0"),
    (rules.PEPPOL, "PEPPOL-EN16931-R008", REASON.encode(), b"<cbc:TaxExemptionReason/>"),
    (rules.PEPPOL, "PEPPOL-EN16931-R120", b'Quantity unitCode="C62">1', b'Quantity unitCode="C62">2'),
    (rules.PEPPOL, "PEPPOL-EN16931-F001", b"StartDate>2025-01-01", b"StartDate>2025-01-01Z"),
    (rules.PEPPOL, "PEPPOL-COMMON-R049", b"2120002080", b"212000208"),
    (rules.SCHEMA, "UBL-XSD", b"IssueDate>2025-03-01", b"IssueDate>2025-02-29"),
    (rules.SCHEMA, "UBL-XSD", b"cbc:BuyerReference", b"cbc:KundReferens"),
    (rules.SCHEMA, "UBL-ROOT", b"xsd:Invoice-2", b"xsd:Reminder-2"),
    (rules.SCHEMA, "UBL-XML", b"</Invoice>", b""),
    (rules.SCHEMA, "UBL-XML", b"<Invoice ", b"<!DOCTYPE Invoice [<!ENTITY x 'y'>]><Invoice "),
]


@pytest.mark.parametrize(("layer", "rule", "before", "after"), BROKEN, ids=[each[1] for each in BROKEN])
def test_each_layer_really_says_no(layer: str, rule: str, before: bytes, after: bytes) -> None:
    good = rules.checked(INVOICE_1)
    assert before in good
    found = rules.validate(good.replace(before, after))
    assert (layer, rule) in {(finding.layer, finding.rule) for finding in found if finding.fatal}
    assert all(finding.text for finding in found)


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [("SE-R-009", b"9912346", b"991234"), ("SE-R-012", b"PaymentMeansCode>30", b"PaymentMeansCode>31")],
)
def test_the_swedish_rules_warn_and_let_through(rule: str, before: bytes, after: bytes) -> None:
    found = rules.validate(rules.checked(INVOICE_1).replace(before, after))
    assert [(finding.rule, finding.fatal) for finding in found] == [(rule, False)]


def test_a_wrong_check_digit_passes_peppol_and_is_caught_by_us() -> None:
    wrong = replace(INVOICE_1, buyer=replace(NORBERG, organisation_number="2120002081"))
    assert rules.validate(to_xml(wrong)) == []
    with pytest.raises(Refused):
        rules.checked(wrong)


@pytest.mark.parametrize(
    ("invoice", "rule"),
    [
        (replace(INVOICE_1, buyer_reference="", order_reference=""), "PEPPOL-EN16931-R003"),
        (replace(INVOICE_1, lines=()), "UBL-XSD"),
        (replace(INVOICE_1, number=""), "UBL-XSD"),
        (replace(INVOICE_1, buyer=replace(NORBERG, name="")), "BR-07"),
        (replace(INVOICE_1, seller=replace(REGION, name="")), "BR-06"),
        (replace(INVOICE_1, seller=replace(REGION, vat_number="SE232100017201")), "BR-O-02"),
        (replace(INVOICE_1, buyer=replace(NORBERG, address=Address("", "", "", ""))), "BR-11"),
        (replace(INVOICE_1, pay_to=PayTo("", "", "1")), "BR-50"),
        (replace(MIXED_RATES, seller=REGION), "BR-S-02"),
        (replace(INVOICE_1, lines=(Line("1", "Utan skäl", 100, Tax(EXEMPT, 0, "")),)), "BR-E-02"),
        (replace(INVOICE_1, lines=(Line("1", "Utan sats", 100, Tax(STANDARD, None, "")),)), "BR-S-05"),
        (replace(CREDIT_1, buyer_reference="", order_reference=""), "PEPPOL-EN16931-R003"),
        (replace(INVOICE_1, buyer=replace(NORBERG, endpoint="1", endpoint_scheme="9999")), "BR-CL-25"),
        (replace(INVOICE_1, seller=replace(REGION, organisation_number="")), "SE-ORGANISATION-NUMBER"),
    ],
)  # fmt: skip
def test_an_invoice_that_fails_is_refused_with_the_rule_that_failed(invoice: EInvoice, rule: str) -> None:
    with pytest.raises(Refused) as refused:
        rules.checked(invoice)
    refusal = refused.value.refusal
    assert (refusal.name, refusal.status) == ("einvoice_fails", 422)
    assert rule in refusal.facts["rules"]
    assert refusal.rule in refusal.facts["rules"]
    assert refusal.facts["text"]


def test_rules_that_look_at_nothing_are_no_proof() -> None:
    with pytest.raises(AssertionError, match="did not look"):
        rules._engine().findings(rules.EN16931, "<nothing/>")


def test_starting_the_service_loads_none_of_it() -> None:
    heavy = ("lxml", "saxonche", "typst", "xlsxwriter", "facturx", "peppol_py", "pypdf", "xmlsec")
    program = (
        "import eventlet; eventlet.monkey_patch(); import sys; import services.billing.wiring, "
        "services.billing.peppol.rules; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40).filter(
    lambda text: bool(text.strip())
)
LINES = st.lists(st.tuples(WORDS, st.integers(-(10**10), 10**12), st.integers(1, 20)), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(LINES, st.dates(date(2000, 1, 1), date(2099, 12, 31)), WORDS, st.booleans())
def test_whatever_the_figures_and_words_an_invoice_passes(
    given: list[tuple[str, int, int]], day: date, words: str, credit: bool
) -> None:
    base = CREDIT_1 if credit else INVOICE_1
    lines = tuple(
        Line(str(place), name, ore, quantity=quantity)
        for place, (name, ore, quantity) in enumerate(given, start=1)
    )
    buyer = Party(words, "2120002080", NORBERG.address)
    invoice = replace(base, lines=lines, issued_on=day, due_on=day, buyer=buyer, note=words)
    found = rules.validate(to_xml(invoice))
    # A total below zero is lawful; everything else must hold whatever the figures.
    assert [finding for finding in found if finding.fatal] == []
