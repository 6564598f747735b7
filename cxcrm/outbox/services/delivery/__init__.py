"""Mails that are due go out: claimed in turns, checked, handed over, and what came of it noted."""

from cxcrm.outbox.services.delivery.delivering import DeliveryCounts, deliver_mails

__all__ = ["DeliveryCounts", "deliver_mails"]
