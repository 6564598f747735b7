"""What the pages of keys tell beside the key itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Sum
from django.db.models.functions import TruncDate
from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.selectors.changes import EMPTY, LISTED, Change, author_id, changes_of
from cxcrm.api.models import ApiKey, KeyBrand, KeyUse
from cxcrm.base.scopes import ResourceGroup, Verb
from cxcrm.users.models import User


@dataclass(frozen=True)
class DayOfUse:
    day: date
    reads: int = 0
    writes: int = 0
    refused: int = 0

    @property
    def requests(self) -> int:
        return self.reads + self.writes + self.refused


def uses_by_day(key: ApiKey, *, today: date, days: int) -> list[DayOfUse]:
    """How often the key was used on each of the last days (UTC), oldest first."""
    first = today - timedelta(days=days - 1)
    counted = (
        KeyUse.objects.filter(key=key, hour__gte=datetime.combine(first, time(), UTC))
        .values(day=TruncDate("hour", tzinfo=UTC))
        .annotate(Sum("reads"), Sum("writes"), Sum("refused"))
    )
    found = {
        row["day"]: DayOfUse(row["day"], row["reads__sum"], row["writes__sum"], row["refused__sum"])
        for row in counted
    }
    every_day = [first + timedelta(days=number) for number in range(days)]
    return [found.get(day, DayOfUse(day)) for day in every_day]


def scopes_in_words(scopes: list[str]) -> list[str]:
    """One line for each group of resources that the scopes name: “Contracts: read, write”."""
    return [
        f"{group.label}: {', '.join(str(verb.label) for verb in verbs)}"
        for group in ResourceGroup
        if (verbs := [verb for verb in Verb if f"{group}:{verb}" in scopes])
    ]


def changes_of_key(key: ApiKey) -> list[Change]:
    """Who changed what, newest first; the brands that it began with are no change."""
    changes = changes_of(key) + list(_changes_of_brands(key))
    return sorted(changes, key=lambda change: change.at, reverse=True)[:LISTED]


def _changes_of_brands(key: ApiKey) -> Iterator[Change]:
    history: Any = KeyBrand.pgh_event_model
    events = history.objects.filter(apikey_id=key.pk).select_related("pgh_context")
    events = list(events.order_by("-pgh_id")[:LISTED])
    history_of_key: Any = ApiKey.pgh_event_model
    made = history_of_key.objects.filter(pgh_obj_id=key.pk, pgh_label="insert").first()
    people = User.objects.in_bulk({author_id(event) for event in events} - {None})
    brands = Brand.objects.in_bulk({event.brand_id for event in events})
    for event in events:
        if made is not None and event.pgh_created_at == made.pgh_created_at:
            continue
        brand = str(brands.get(event.brand_id, event.brand_id))
        is_new = event.pgh_label == "insert"
        yield Change(
            at=event.pgh_created_at,
            by=people.get(author_id(event)),
            field=_("brands"),
            before=EMPTY if is_new else brand,
            after=brand if is_new else EMPTY,
        )
