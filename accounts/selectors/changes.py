"""Who changed what: the history that PostgreSQL keeps of what people edit."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Field, ForeignKey, Model
from django.utils.formats import date_format

from cxcrm.users.models import User

LISTED = 50
EMPTY = "–"


@dataclass(frozen=True)
class Change:
    """One field changed in one write; `by` is None for the system."""

    at: datetime
    by: User | None
    field: str
    before: str
    after: str


@dataclass(frozen=True)
class _Write:
    """What a row was before a write, as its history keeps it, and after."""

    before: Model
    after: Model

    def changed(self, field: Field) -> bool:
        return getattr(self.before, field.attname) != getattr(self.after, field.attname)


def changes_of(row: Model) -> list[Change]:
    """What the newest `LISTED` writes changed in a row of a tracked model, newest first."""
    history = type(row).pgh_event_model
    events = list(
        history.objects.filter(pgh_obj_id=row.pk)
        .select_related("pgh_context")
        .order_by("-pgh_id")[:LISTED]
    )
    writes = [_Write(*pair) for pair in zip(events, [row, *events], strict=False)]
    people = User.objects.in_bulk({author_id(write.before) for write in writes} - {None})
    kept = {field.name for field in history._meta.concrete_fields}
    fields = [field for field in row._meta.concrete_fields if field.name in kept]
    names = {field: _names(field, writes) for field in fields if isinstance(field, ForeignKey)}
    return [
        Change(
            at=write.before.pgh_created_at,
            by=people.get(author_id(write.before)),
            field=str(field.verbose_name),
            before=_shown(field, write.before, names),
            after=_shown(field, write.after, names),
        )
        for write in writes
        for field in fields
        if write.changed(field)
    ]


def author_id(event: Model) -> int | None:
    """The login whose request wrote an event of the history; None: the system."""
    context = event.pgh_context
    return context.metadata.get("user") if context else None


def _names(field: ForeignKey, writes: list[_Write]) -> dict[int, Model]:
    ids = {
        getattr(state, field.attname)
        for write in writes
        if write.changed(field)
        for state in (write.before, write.after)
    }
    return field.related_model._default_manager.in_bulk(ids - {None}) if ids - {None} else {}


def _shown(field: Field, state: Model, names: dict[ForeignKey, dict[int, Model]]) -> str:
    value = getattr(state, field.attname)
    if value in (None, "", []):
        return EMPTY
    if field in names:
        return str(names[field].get(value, value))
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, datetime):
        return date_format(value, "DATETIME_FORMAT")
    return str(dict(field.flatchoices).get(value, value) if field.flatchoices else value)
