"""Set hosts' approved costs off against their open invoices, as the agreement says."""

from __future__ import annotations

from services.billing.commands.basis import lock_year
from services.billing.commands.ledger import book
from services.billing.domain.ledger import NETTING, Chart, Voucher
from services.billing.domain.netting import postings_of
from services.billing.queries.basis import run_of_year
from services.billing.queries.netting import settings
from services.chassis.ids import derived_id
from services.chassis.refusals import N_, Refusal, Refused
from services.chassis.storage.unit import Unit


def net(unit: Unit, year: int, chart: Chart, by: str, *, netting_id: str, total_ore: int) -> list[int]:
    """A voucher a host that has something to set off; their numbers. `total_ore` is what was previewed.

    Raises Refused: year_not_opened, netting_not_agreed, nothing_to_net, preview_stale.
    """
    lock_year(unit, year)
    run, _runs = run_of_year(unit.connection, year)
    terms = run.basis.agreement.terms
    if terms is None or not terms.netting:
        raise Refused(
            Refusal(
                "netting_not_agreed",
                N_("The agreement does not say that costs are set off against shares."),
            )
        )
    found = [each for each in settings(unit.connection, year, chart) if each.netted_ore]
    if not found:
        raise Refused(Refusal("nothing_to_net", N_("No host has both approved costs and open invoices.")))
    if sum(each.netted_ore for each in found) != total_ore:
        raise Refused(
            Refusal(
                "preview_stale",
                N_("Something has changed since you looked. Look again before you settle."),
            )
        )
    return [
        book(
            unit,
            Voucher(
                derived_id("billing", "netting", netting_id, each.host_code),
                unit.today,
                NETTING,
                year,
                f"Kvittning {run.basis.year} {each.host_code}",
                postings_of(each, chart),
            ),
            chart,
            by,
        )
        for each in found
    ]
