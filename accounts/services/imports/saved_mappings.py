"""Mappings by name: those that come with cxcrm, those saved at the desk, and a first guess."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.enums import ImportKind
from accounts.models import ImportMapping
from accounts.services.imports import (
    FeedMapping,
    MappingRefused,
    fields_of,
    load_mapping,
    parse_mapping,
    shipped_mappings,
)
from accounts.services.imports.kinds import quoted
from cxcrm.base.errors import DomainError
from cxcrm.users.models import User

_NAME = re.compile(r"[a-z0-9]+([-_][a-z0-9]+)*")
_LONGEST_NAME = 50


class MappingNameRefused(DomainError):
    code = "mapping_name_refused"


def save_mapping(
    *, name: str, kind: str, content: Mapping[str, Any], at: datetime, actor: User
) -> ImportMapping:
    """Keep a mapping under a name; one that was saved under it before is replaced.

    Raises MappingNameRefused, and MappingRefused where the content is no mapping.
    """
    name = name.strip().lower()
    if len(name) > _LONGEST_NAME or not _NAME.fullmatch(name):
        raise MappingNameRefused(
            _("Use up to 50 small letters, digits and dashes, like billing-export."),
            field="save_as",
        )
    if name in shipped_mappings():
        raise MappingNameRefused(
            _("%s comes with cxcrm and stays as it is: choose another name.") % quoted(name),
            field="save_as",
        )
    parse_mapping(name, content)
    with transaction.atomic():
        mapping, _added = ImportMapping.objects.update_or_create(
            name=name,
            defaults={"kind": kind, "content": content, "saved_at": at, "saved_by": actor},
        )
    return mapping


def known_mappings() -> list[tuple[str, ImportKind]]:
    """Name and kind of every mapping that an upload can start from."""
    saved = ImportMapping.objects.order_by("name").values_list("name", "kind")
    return [
        *((name, load_mapping(name).kind) for name in shipped_mappings()),
        *((name, ImportKind(kind)) for name, kind in saved),
    ]


def starting_content(*, name: str, kind: str, header: Sequence[str]) -> dict[str, Any]:
    """What the mapping of a file starts with: a known mapping, or a guess without a name.

    Optional columns that the file lacks are left out. Raises MappingRefused where there is no
    such mapping, or one for other rows.
    """
    if not name:
        return guessed_content(kind=kind, header=header)
    mapping = mapping_named(name, kind=kind)
    fields = {
        field: entry
        for field, entry in mapping.content["fields"].items()
        if not (entry.get("optional") and entry.get("column") not in header)
    }
    return dict(mapping.content) | {"kind": kind, "fields": fields}


def mapping_named(name: str, *, kind: str) -> FeedMapping:
    """A known mapping. Raises MappingRefused where there is none, or one for other rows."""
    if name not in dict(known_mappings()):
        raise MappingRefused(_("There is no mapping %s.") % quoted(name), field="mapping")
    mapping = load_mapping(name)
    if mapping.kind != kind:
        raise MappingRefused(_("This mapping is for rows of another kind."), field="mapping")
    return mapping


def guessed_content(*, kind: str, header: Sequence[str]) -> dict[str, Any]:
    """Columns that are called like our fields; case, blanks and signs do not matter."""
    columns = {_bare(column): column for column in reversed(header)}
    return {
        "kind": kind,
        "fields": {
            name: {"column": columns[_bare(name)]}
            for name in fields_of(kind)
            if _bare(name) in columns
        },
    }


def _bare(name: str) -> str:
    return re.sub(r"[\W_]+", "", name).casefold()
