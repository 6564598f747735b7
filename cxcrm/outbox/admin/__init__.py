"""The outbox at the desk: each module registers its lists and pages."""

from cxcrm.outbox.admin import addresses, mails

__all__ = ["addresses", "mails"]
