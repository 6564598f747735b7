"""Predicates on one object, and arithmetic that needs nothing but its fields."""

from accounts.rules import permissions  # noqa: F401 - found here by django-rules
