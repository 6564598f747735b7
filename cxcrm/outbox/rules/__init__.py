"""Predicates on one object, and arithmetic that needs nothing but its arguments."""

from cxcrm.outbox.rules import permissions  # noqa: F401 - found here by django-rules
