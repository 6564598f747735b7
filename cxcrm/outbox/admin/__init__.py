"""The outbox at the desk: each module registers its lists and pages."""

from cxcrm.outbox.admin import addresses, limits, mails, wordings

__all__ = ["addresses", "limits", "mails", "wordings"]
