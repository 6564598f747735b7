from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _

from cxcrm.base.scopes import ResourceGroup, Verb

# What keys take in by the thousand; there is no bulk of tasks or mails.
IMPORTED = (ResourceGroup.CUSTOMERS, ResourceGroup.PRODUCTS, ResourceGroup.CONTRACTS)
# Mails are written by cxcrm alone.
WRITTEN = (*IMPORTED, ResourceGroup.TASKS)

SCOPES = [
    f"{group}:{verb}"
    for group in ResourceGroup.values
    for verb in Verb.values
    if verb == Verb.READ
    or (verb == Verb.WRITE and group in WRITTEN)
    or (verb == Verb.IMPORT and group in IMPORTED)
]


class KeyState(TextChoices):
    LIVE = "live", _("In use")
    EXPIRED = "expired", _("Expired")
    REVOKED = "revoked", _("Revoked")
