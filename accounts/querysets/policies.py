from datetime import date
from typing import Self

from django.db.models import Q, QuerySet


class ReminderPolicyQuerySet(QuerySet):
    """By the renewal dates that policies hold for."""

    def in_force(self, on: date) -> Self:
        return self.filter(
            Q(effective_from=None) | Q(effective_from__lte=on),
            Q(effective_until=None) | Q(effective_until__gte=on),
        )

    def to_come(self, on: date) -> Self:
        return self.filter(effective_from__gt=on)

    def ended(self, on: date) -> Self:
        return self.filter(effective_until__lt=on)
