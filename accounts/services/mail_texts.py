"""What the mails of renewals have in common: texts, their placeholders, a made-up customer."""

from typing import Any

from django.utils.translation import gettext_lazy as _

from cxcrm.outbox.services import MailText

ALWAYS = ("name", "product", "contract_number", "brand", "service_address")

SALUTATION = MailText("salutation", _("Salutation"), _("Dear {name},"), ALWAYS)
EXTRA = MailText("extra", _("Further paragraph, after the box"), "", ALWAYS)
CLOSING = MailText("closing", _("Closing"), _("Kind regards\n{brand}"), ALWAYS)


def always_known(facts: dict[str, Any]) -> dict[str, str]:
    """What the placeholders in `ALWAYS` stand for."""
    return {
        "name": facts["recipient_name"],
        "product": facts["product"],
        "contract_number": facts["contract_number"],
        "brand": facts["brand"]["sender_name"],
        "service_address": facts["brand"]["service_address"],
    }
