"""What the pages behind the link in a renewal reminder say."""

from datetime import datetime
from typing import Any

from accounts.services.brands import brand_facts
from accounts.services.contracts import day_of
from accounts.services.decision_codes import is_valid, newest_code
from accounts.services.decisions import Decision, LinkState
from accounts.services.receipts import RECEIVED
from accounts.services.reminder_mail import renewal_reminder_facts


def page_facts(decision: Decision, *, at: datetime) -> dict[str, Any]:
    """Nothing of the contract for a reader who does not decide about it any more; where there is
    something to decide, all that the mail says, as of now."""
    contract = decision.contract
    facts: dict[str, Any] = {"brand": brand_facts(contract.brand)}
    if decision.state == LinkState.NOT_YOURS:
        return facts
    facts |= {
        "product": contract.product.name,
        "contract_number": contract.external_id,
        "renewal_date": decision.reminder.renewal_date,
        "next_renewal_date": contract.renewal_date,
        "ends_on": contract.ends_on,
        "last_day": decision.last_day,
        "kept_on": day_of(contract.account, decision.kept_at) if decision.kept_at else None,
    }
    if decision.state == LinkState.CANCELLED:
        standing = contract.cancellations.standing().first()
        facts["receipt"] = standing.receipt.get(RECEIVED) if standing else None
    if decision.state == LinkState.OPEN:
        facts |= renewal_reminder_facts(decision.reminder.pk, at)
        # Whom the law frees may still decide then.
        facts["has_come"] = day_of(contract.account, at) >= decision.reminder.renewal_date
        # Then the last day lies behind the renewal.
        facts["is_too_late"] = facts["deadline_passed"] and not facts["window_missed"]
    return facts


def code_facts(decision: Decision, *, at: datetime) -> dict[str, Any]:
    """Where a code goes, and whether there is one to type in."""
    code = newest_code(decision.reminder.pk)
    address = decision.contact.address if decision.contact else None
    return {
        "masked_address": mask(address.address) if address else "",
        "code_is_sent": code is not None and is_valid(code, at=at),
    }


def mask(address: str) -> str:
    """Enough of an address for its owner to know it: a•••@hoster.example."""
    name, _, domain = address.rpartition("@")
    return f"{name[:1]}•••@{domain}"
