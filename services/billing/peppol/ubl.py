"""Writes an e-invoice as UBL 2.1, in the order the schema demands."""

from __future__ import annotations

from datetime import date
from importlib import import_module
from typing import Any

from services.billing.peppol.document import CREDIT_NOTE, EInvoice, Line, Party, Tax

CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
CAC, CBC = f"{UBL}CommonAggregateComponents-2", f"{UBL}CommonBasicComponents-2"
INVOICE_TYPE, CREDIT_NOTE_TYPE = "380", "381"
CREDIT_TRANSFER = "30"
MEDIA_TYPE = "application/xml"


def to_xml(invoice: EInvoice) -> bytes:
    """The document's bytes: the same invoice gives the same bytes."""
    etree = import_module("lxml.etree")  # here: a process that sends no invoice does not carry it
    credit = invoice.kind == CREDIT_NOTE
    name = "CreditNote" if credit else "Invoice"
    space = f"{UBL}{name}-2"
    root = etree.Element(f"{{{space}}}{name}", nsmap={None: space, "cac": CAC, "cbc": CBC})
    writer = _Writer(etree, invoice.currency)
    _head(writer, root, invoice, credit)
    _party(writer, writer.part(root, "AccountingSupplierParty"), invoice.seller)
    _party(writer, writer.part(root, "AccountingCustomerParty"), invoice.buyer)
    _payment(writer, root, invoice, credit)
    _totals(writer, root, invoice)
    for line in invoice.lines:
        _line(writer, root, line, credit)
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


class _Writer:
    """Adds elements; empty texts are left out, since UBL knows no empty element."""

    def __init__(self, etree: Any, currency: str) -> None:
        self._etree, self._currency = etree, currency

    def part(self, parent: Any, name: str) -> Any:
        return self._etree.SubElement(parent, f"{{{CAC}}}{name}")

    def text(self, parent: Any, name: str, text: str, **attributes: str) -> None:
        if text:
            element = self._etree.SubElement(parent, f"{{{CBC}}}{name}", attributes)
            element.text = "".join(c for c in text if c in "\n\t" or ord(c) >= 32)

    def day(self, parent: Any, name: str, day: date | None) -> None:
        if day is not None:
            self.text(parent, name, day.isoformat())

    def amount(self, parent: Any, name: str, ore: int) -> None:
        self.text(parent, name, kronor(ore), currencyID=self._currency)


def kronor(ore: int) -> str:
    return f"{'-' if ore < 0 else ''}{abs(ore) // 100}.{abs(ore) % 100:02d}"


def _head(writer: _Writer, root: Any, invoice: EInvoice, credit: bool) -> None:
    writer.text(root, "CustomizationID", CUSTOMIZATION)
    writer.text(root, "ProfileID", PROFILE)
    writer.text(root, "ID", invoice.number)
    writer.day(root, "IssueDate", invoice.issued_on)
    if credit:
        writer.text(root, "CreditNoteTypeCode", CREDIT_NOTE_TYPE)
    else:
        writer.day(root, "DueDate", invoice.due_on)
        writer.text(root, "InvoiceTypeCode", INVOICE_TYPE)
    writer.text(root, "Note", invoice.note)
    writer.text(root, "DocumentCurrencyCode", invoice.currency)
    writer.text(root, "BuyerReference", invoice.buyer_reference)
    if invoice.period_from or invoice.period_to:
        period = writer.part(root, "InvoicePeriod")
        writer.day(period, "StartDate", invoice.period_from)
        writer.day(period, "EndDate", invoice.period_to)
    if invoice.order_reference:
        writer.text(writer.part(root, "OrderReference"), "ID", invoice.order_reference)
    if invoice.preceding is not None:
        reference = writer.part(writer.part(root, "BillingReference"), "InvoiceDocumentReference")
        writer.text(reference, "ID", invoice.preceding[0])
        writer.day(reference, "IssueDate", invoice.preceding[1])


def _party(writer: _Writer, holder: Any, party: Party) -> None:
    element = writer.part(holder, "Party")
    endpoint = party.endpoint or party.organisation_number
    writer.text(element, "EndpointID", endpoint, schemeID=party.endpoint_scheme)
    if party.name:
        writer.text(writer.part(element, "PartyName"), "Name", party.name)
    address = writer.part(element, "PostalAddress")
    writer.text(address, "StreetName", party.address.street)
    writer.text(address, "CityName", party.address.city)
    writer.text(address, "PostalZone", party.address.postal_code)
    writer.text(writer.part(address, "Country"), "IdentificationCode", party.address.country)
    if party.vat_number:
        scheme = writer.part(element, "PartyTaxScheme")
        writer.text(scheme, "CompanyID", party.vat_number)
        _vat(writer, scheme)
    legal = writer.part(element, "PartyLegalEntity")
    writer.text(legal, "RegistrationName", party.name)
    writer.text(legal, "CompanyID", party.organisation_number, schemeID="0007")
    if party.contact_name or party.phone or party.mail:
        contact = writer.part(element, "Contact")
        writer.text(contact, "Name", party.contact_name)
        writer.text(contact, "Telephone", party.phone)
        writer.text(contact, "ElectronicMail", party.mail)


def _vat(writer: _Writer, holder: Any) -> None:
    writer.text(writer.part(holder, "TaxScheme"), "ID", "VAT")


def _payment(writer: _Writer, root: Any, invoice: EInvoice, credit: bool) -> None:
    means = writer.part(root, "PaymentMeans")
    writer.text(means, "PaymentMeansCode", CREDIT_TRANSFER)
    if credit:
        writer.day(means, "PaymentDueDate", invoice.due_on)
    writer.text(means, "PaymentID", invoice.pay_to.reference)
    account = writer.part(means, "PayeeFinancialAccount")
    writer.text(account, "ID", invoice.pay_to.account)
    if invoice.pay_to.scheme:
        writer.text(writer.part(account, "FinancialInstitutionBranch"), "ID", invoice.pay_to.scheme)
    if invoice.terms:
        writer.text(writer.part(root, "PaymentTerms"), "Note", invoice.terms)


def _totals(writer: _Writer, root: Any, invoice: EInvoice) -> None:
    total = writer.part(root, "TaxTotal")
    writer.amount(total, "TaxAmount", invoice.tax_ore)
    for part in invoice.tax_parts:
        subtotal = writer.part(total, "TaxSubtotal")
        writer.amount(subtotal, "TaxableAmount", part.taxable_ore)
        writer.amount(subtotal, "TaxAmount", part.tax_ore)
        _category(writer, writer.part(subtotal, "TaxCategory"), part.tax, with_reason=True)
    sums = writer.part(root, "LegalMonetaryTotal")
    writer.amount(sums, "LineExtensionAmount", invoice.lines_ore)
    writer.amount(sums, "TaxExclusiveAmount", invoice.lines_ore)
    writer.amount(sums, "TaxInclusiveAmount", invoice.payable_ore)
    writer.amount(sums, "PayableAmount", invoice.payable_ore)


def _category(writer: _Writer, holder: Any, tax: Tax, *, with_reason: bool) -> None:
    writer.text(holder, "ID", tax.category)
    if tax.percent is not None:
        writer.text(holder, "Percent", str(tax.percent))
    if with_reason:
        writer.text(holder, "TaxExemptionReason", tax.reason)
    _vat(writer, holder)


def _line(writer: _Writer, root: Any, line: Line, credit: bool) -> None:
    element = writer.part(root, "CreditNoteLine" if credit else "InvoiceLine")
    writer.text(element, "ID", line.line_id)
    quantity = line.quantity if line.amount_ore >= 0 else -line.quantity
    name = "CreditedQuantity" if credit else "InvoicedQuantity"
    writer.text(element, name, str(quantity), unitCode=line.unit)
    writer.amount(element, "LineExtensionAmount", line.amount_ore)
    item = writer.part(element, "Item")
    writer.text(item, "Description", line.description)
    writer.text(item, "Name", line.name)
    _category(writer, writer.part(item, "ClassifiedTaxCategory"), line.tax, with_reason=False)
    price = writer.part(element, "Price")
    writer.amount(price, "PriceAmount", abs(line.amount_ore))
    if line.quantity != 1:
        # The price of as many as there are: so no price a piece has to be rounded.
        writer.text(price, "BaseQuantity", str(line.quantity), unitCode=line.unit)
