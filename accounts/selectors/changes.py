"""Who changed what: the history that PostgreSQL keeps of what people edit."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import pghistory
from django.db.models import Field, ForeignKey, Model

from cxcrm.users.models import User

LISTED = 50
EMPTY = "–"


@dataclass(frozen=True)
class Change:
    """One field changed in one write; `field` is empty where no earlier row was kept."""

    at: datetime
    by: User | None
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class _Step:
    event: Model
    before: Model | None
    after: Model


def changes_of(row: Model) -> list[Change]:
    """What the newest `LISTED` writes changed in a row of a tracked model, newest first."""
    history = type(row).pgh_event_model
    events = list(
        history.objects.filter(pgh_obj_id=row.pk)
        .select_related("pgh_context")
        .order_by("-pgh_id")[:LISTED]
    )
    kept = {field.name for field in history._meta.concrete_fields}
    fields = [
        field for field in row._meta.concrete_fields if field.name in kept and not field.primary_key
    ]
    steps = list(_steps(row, events))
    people = User.objects.in_bulk({user for step in steps if (user := _user_id(step.event))})
    names = {field: _names(field, steps) for field in fields if isinstance(field, ForeignKey)}
    return [
        Change(
            at=step.event.pgh_created_at,
            by=people.get(_user_id(step.event)),
            field=str(field.verbose_name) if field else "",
            before=_shown(field, step.before, names) if field else "",
            after=_shown(field, step.after, names) if field else "",
        )
        for step in steps
        for field in _changed(step, fields)
    ]


def _steps(row: Model, events: list[Model]) -> Iterator[_Step]:
    """Each event with the row before and after it, whichever of the two the tracker keeps."""
    trackers = {tracker.label: tracker for tracker in type(row).pgh_event_model.pgh_trackers}
    if trackers["update"].row == pghistory.Old:
        return map(_Step, events, events, chain([row], events))
    return map(_Step, events, chain(events[1:], [None]), events)


def _changed(step: _Step, fields: list[Field]) -> list[Field | None]:
    if step.before is None:
        return [None]
    return [
        field
        for field in fields
        if getattr(step.before, field.attname) != getattr(step.after, field.attname)
    ]


def _user_id(event: Model) -> int | None:
    return event.pgh_context.metadata.get("user") if event.pgh_context else None


def _names(field: ForeignKey, steps: list[_Step]) -> dict[int, Model]:
    ids = {
        getattr(state, field.attname)
        for step in steps
        if field in _changed(step, [field])
        for state in (step.before, step.after)
    }
    return field.related_model._default_manager.in_bulk(ids - {None}) if ids - {None} else {}


def _shown(field: Field, state: Model, names: dict[ForeignKey, dict[int, Model]]) -> str:
    value = getattr(state, field.attname)
    if value in (None, ""):
        return EMPTY
    if field in names:
        return str(names[field].get(value, value))
    return str(dict(field.flatchoices).get(value, value))
