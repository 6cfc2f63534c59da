"""What an e-invoice says, as plain values; amounts in öre, and totals that follow from the lines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

INVOICE = "invoice"
CREDIT_NOTE = "credit_note"

# Categories of VAT (UNCL 5305) that a cooperation of public bodies meets.
OUTSIDE = "O"
STANDARD = "S"
EXEMPT = "E"

BANKGIRO = "SE:BANKGIRO"
PLUSGIRO = "SE:PLUSGIRO"
IBAN = ""

SWEDISH_ORGANISATION = "0007"  # the scheme of addresses that are Swedish organisation numbers


@dataclass(frozen=True, slots=True)
class Address:
    street: str
    postal_code: str
    city: str
    country: str = "SE"


@dataclass(frozen=True, slots=True)
class Party:
    """Seller or buyer. `endpoint` is the Peppol address, by default the organisation number itself."""

    name: str
    organisation_number: str
    address: Address
    endpoint: str = ""
    endpoint_scheme: str = SWEDISH_ORGANISATION
    vat_number: str = ""
    contact_name: str = ""
    phone: str = ""
    mail: str = ""


@dataclass(frozen=True, slots=True)
class Tax:
    """`percent` is None outside the scope of VAT, where no rate may be said."""

    category: str = OUTSIDE
    percent: int | None = None
    reason: str = "Kostnadsfördelning inom samverkan, utanför mervärdesskatt"


@dataclass(frozen=True, slots=True)
class Line:
    """One line. A negative amount is written as a negative quantity: prices are never negative."""

    line_id: str
    name: str
    amount_ore: int
    tax: Tax = Tax()
    description: str = ""
    quantity: int = 1
    unit: str = "C62"


@dataclass(frozen=True, slots=True)
class PayTo:
    """Where to pay. `reference` is the payment reference with its check digit."""

    account: str
    scheme: str
    reference: str


@dataclass(frozen=True, slots=True)
class TaxPart:
    """The lines of one category and rate together."""

    tax: Tax
    taxable_ore: int
    tax_ore: int


@dataclass(frozen=True, slots=True)
class EInvoice:
    """`buyer_reference` is what the payer wants to see: without it or an order no Peppol invoice leaves.

    `preceding` names the invoice a credit note is about. Amounts of a credit note are positive.
    """

    kind: str
    number: str
    issued_on: date
    due_on: date
    seller: Party
    buyer: Party
    lines: tuple[Line, ...]
    pay_to: PayTo
    buyer_reference: str
    order_reference: str = ""
    note: str = ""
    terms: str = ""
    period_from: date | None = None
    period_to: date | None = None
    preceding: tuple[str, date] | None = None
    currency: str = "SEK"

    @property
    def lines_ore(self) -> int:
        return sum(line.amount_ore for line in self.lines)

    @property
    def tax_parts(self) -> tuple[TaxPart, ...]:
        """In the order of category and rate. VAT is rounded half up, once a rate, as EN 16931 has it."""
        sums: dict[Tax, int] = {}
        for line in self.lines:
            sums[line.tax] = sums.get(line.tax, 0) + line.amount_ore
        ordered = sorted(sums.items(), key=lambda item: (item[0].category, item[0].percent or 0))
        return tuple(TaxPart(tax, ore, _percent(ore, tax.percent or 0)) for tax, ore in ordered)

    @property
    def tax_ore(self) -> int:
        return sum(part.tax_ore for part in self.tax_parts)

    @property
    def payable_ore(self) -> int:
        return self.lines_ore + self.tax_ore


def _percent(ore: int, percent: int) -> int:
    scaled = abs(ore) * percent
    rounded = (scaled + 50) // 100
    return rounded if ore >= 0 else -rounded
