"""Files that integrations send: stored, looked at and queued in one go."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Any

from django.core.files.base import ContentFile
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.enums import ImportKind
from accounts.models import Brand, ImportRun
from accounts.services.imports import FeedRefused
from accounts.services.imports.api_rows import API_MAPPING, FORMATS, api_content
from accounts.services.imports.previews import check_beginning
from accounts.services.imports.saved_mappings import mapping_named
from accounts.services.imports.uploads import (
    UploadRefused,
    open_upload,
    queue_import,
    store_upload,
)
from cxcrm.base.errors import DomainError
from cxcrm.users.models import User


class BrandNeeded(DomainError):
    code = "brand_needed"


@transaction.atomic
def send_import(
    *,
    content: bytes,
    kind: ImportKind,
    mapping: str,
    brand: Brand | None,
    brand_ids: Collection[int] | None,
    as_of: date,
    is_dry_run: bool,
    at: datetime,
    actor: User,
) -> ImportRun:
    """Let a worker import the content of a file, or try it.

    Without the name of a `mapping` its columns have the names of the API (`api_rows.FORMATS`), no
    others, and each row says all that any row says. `brand_ids`: the only ones that there are for
    this caller, who then has to say one for all rows.

    Raises UploadRefused, MappingRefused, BrandNeeded; nothing is kept then.
    """
    if brand is None and brand_ids is not None:
        raise BrandNeeded(_("This key is for some brands: say that of all rows."), field="brand")
    mapping_content = _content(mapping, kind, says_brand=brand is None)
    run = store_upload(
        file=ContentFile(content),
        file_name="API",
        kind=kind,
        as_of=as_of,
        brand=brand,
        mapping=mapping or API_MAPPING,
        mapping_content=mapping_content,
        at=at,
        actor=actor,
    )
    _check_beginning(run)
    return queue_import(run_id=run.pk, is_dry_run=is_dry_run, at=at, actor=actor)


def _content(mapping: str, kind: ImportKind, *, says_brand: bool) -> dict[str, Any]:
    if mapping:
        return dict(mapping_named(mapping, kind=kind).content) | {"kind": kind.value}
    if kind not in FORMATS:
        raise UploadRefused(_("Rows of this kind need a mapping."), field="mapping")
    return api_content(kind, says_brand=says_brand)


def _check_beginning(run: ImportRun) -> None:
    """What the worker would refuse the whole file for is better said at once."""
    with open_upload(run) as path:
        try:
            check_beginning(
                file=path,
                name=run.mapping,
                mapping=run.mapping_content or {},
                as_of=run.as_of,
                brand=run.brand.code if run.brand else None,
            )
        except FeedRefused as refusal:
            raise UploadRefused(str(refusal), field="file") from None
