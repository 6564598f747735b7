"""Files uploaded at the desk: kept in the database from the upload until a worker has imported
them, so that the desk and the workers may stand on different machines."""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from accounts.enums import ImportState
from accounts.models import Brand, ImportChunk, ImportIssue, ImportRun
from accounts.services.imports import (
    FeedRefused,
    MappingRefused,
    parse_mapping,
    read_sample,
)
from accounts.services.imports.files import refuse_large_unpacked
from accounts.services.imports.saved_mappings import (
    mapping_named,
    save_mapping,
    starting_content,
)
from cxcrm.base.errors import DomainError
from cxcrm.base.queue import after_commit
from cxcrm.users.models import User

RUN_IMPORTS = "accounts.run_imports"
PIECE = 2**20
# The values that the editor offers for translation are those of so many rows.
SAMPLED = 500
KEPT_FOR = timedelta(days=7)
# A feed rewrites what contracts cost from its day on: an older one is a slip.
_FIRST_YEAR = 2000
# The calendar day that has begun somewhere on earth.
_FIRST_ZONE = timedelta(hours=14)


class UploadRefused(DomainError):
    code = "upload_refused"


class FileIsGone(DomainError):
    code = "file_is_gone"


class ImportGoesOn(DomainError):
    code = "import_goes_on"


def store_upload(
    *,
    file: File,
    file_name: str,
    kind: str,
    as_of: date,
    brand: Brand | None,
    mapping: str,
    at: datetime,
    actor: User,
    mapping_content: Mapping[str, Any] | None = None,
) -> ImportRun:
    """Keep an uploaded file with what is known of it; nothing is imported yet.

    `mapping` names what to start from; without a name, columns are matched by their names. Where
    there is `mapping_content`, that is the mapping whatever the file holds.
    Raises UploadRefused (empty, too large, unreadable, a day that has not come or is long past)
    and MappingRefused; nothing is kept then.
    """
    if as_of.year < _FIRST_YEAR:
        raise UploadRefused(_("Write a day from 2000 on."), field="as_of")
    if as_of > (at + _FIRST_ZONE).date():
        raise UploadRefused(_("This day has not come yet."), field="as_of")
    name = Path(file_name.replace("\\", "/")).name
    with TemporaryDirectory(prefix="cxcrm-") as folder:
        path = Path(folder, "feed")
        sha256 = _copy(file, path)
        content = _starting_content(path, mapping, kind, mapping_content)
        with transaction.atomic():
            run = ImportRun.objects.create(
                kind=kind,
                file_name=name[:255],
                file_sha256=sha256,
                mapping=mapping,
                mapping_content=content,
                brand=brand,
                as_of=as_of,
                state=ImportState.UPLOADED,
                started_at=at,
                started_by=actor,
            )
            with path.open("rb") as stored:
                pieces = iter(lambda: stored.read(PIECE), b"")
                for position, piece in enumerate(pieces):
                    ImportChunk.objects.create(run=run, position=position, content=piece)
    return run


def _copy(file: File, path: Path) -> str:
    largest = settings.CXCRM_LARGEST_UPLOAD_MB * 2**20
    digest = hashlib.sha256()
    size = 0
    with path.open("wb") as target:
        for piece in file.chunks(PIECE):
            size += len(piece)
            if size > largest:
                raise UploadRefused(too_large(), field="file")
            digest.update(piece)
            target.write(piece)
    if not size:
        raise UploadRefused(_("The file is empty."), field="file")
    return digest.hexdigest()


def too_large() -> str:
    return _(
        "The file has more than %(megabytes)d MB. Split it, or let an administrator import it "
        "with manage.py import_feed."
    ) % {"megabytes": settings.CXCRM_LARGEST_UPLOAD_MB}


def _starting_content(
    path: Path, mapping: str, kind: str, content: Mapping[str, Any] | None
) -> dict[str, Any]:
    """Looks at the file as the editor of the mapping will, so that it is refused here and now."""
    try:
        refuse_large_unpacked(path)
        if content is not None:
            return dict(content)
        sheet = mapping_named(mapping, kind=kind).sheet if mapping else ""
        header = read_sample(file=path, rows=SAMPLED, sheet=sheet).header
    except FeedRefused as refusal:
        raise UploadRefused(str(refusal), field="file") from None
    return starting_content(name=mapping, kind=kind, header=header)


@contextmanager
def open_upload(run: ImportRun) -> Iterator[Path]:
    """The file of a run, on disk for as long as the block lasts. Raises FileIsGone."""
    pieces = run.chunks.order_by("position").values_list("content", flat=True)
    with TemporaryDirectory(prefix="cxcrm-") as folder:
        path = Path(folder, "feed")
        with path.open("wb") as target:
            for piece in pieces.iterator(chunk_size=4):
                target.write(piece)
            if not target.tell():
                raise FileIsGone(_("The file is not kept any more: upload it again."))
        yield path


def map_upload(
    *,
    run_id: int,
    mapping_content: Mapping[str, Any],
    at: datetime,
    actor: User,
    save_as: str = "",
) -> ImportRun:
    """Keep how the columns of an upload become our fields, under a name too if one is given.

    Raises MappingRefused, MappingNameRefused, ImportGoesOn and FileIsGone.
    """
    with transaction.atomic():
        run = _open_run(run_id)
        _set_mapping(run, mapping_content, save_as=save_as, at=at, actor=actor)
        run.save(update_fields=["mapping", "mapping_content"])
    return run


def queue_import(
    *,
    run_id: int,
    is_dry_run: bool,
    at: datetime,
    actor: User,
    mapping_content: Mapping[str, Any] | None = None,
    save_as: str = "",
) -> ImportRun:
    """Let a worker import an upload, or try it; with the mapping that the run has unless told.

    Findings of an earlier try are forgotten. Raises what `map_upload` raises.
    """
    with transaction.atomic():
        run = _open_run(run_id)
        content = run.mapping_content if mapping_content is None else mapping_content
        _set_mapping(run, content or {}, save_as=save_as, at=at, actor=actor)
        ImportIssue.objects.filter(run=run).delete()
        run.state = ImportState.QUEUED
        run.is_dry_run = is_dry_run
        run.started_at, run.started_by, run.finished_at = at, actor, None
        run.attempts = run.rows_read = run.rows_refused = run.contradictions = 0
        run.step, run.steps_done, run.steps_total, run.counts = "", 0, 0, {}
        run.save()
        after_commit(RUN_IMPORTS)
    return run


def _open_run(run_id: int) -> ImportRun:
    run = ImportRun.objects.select_for_update().get(pk=run_id)
    if not run.is_open:
        raise ImportGoesOn(_("This import is %s.") % run.get_state_display())
    if not run.chunks.exists():
        raise FileIsGone(_("The file is not kept any more: upload it again."))
    return run


def _set_mapping(
    run: ImportRun, content: Mapping[str, Any], *, save_as: str, at: datetime, actor: User
) -> None:
    parse_mapping("", content)
    says_brand = "brand" in content["fields"]
    if not says_brand and run.brand_id is None:
        raise MappingRefused(_("It is required, and nothing is mapped to it."), field="brand")
    if save_as:
        saved = save_mapping(name=save_as, kind=run.kind, content=content, at=at, actor=actor)
        run.mapping = saved.name
    run.mapping_content = content


def discard_import(*, run_id: int) -> None:
    """Throw an uploaded file away. A run that has come to nothing yet goes with it; a dry run or
    a refused one stays in the list with its findings. Raises ImportGoesOn."""
    with transaction.atomic():
        run = ImportRun.objects.select_for_update().get(pk=run_id)
        if run.state in (ImportState.UPLOADED, ImportState.QUEUED):
            run.delete()
        elif run.is_open:
            run.chunks.all().delete()
        else:
            raise ImportGoesOn(_("This import is %s.") % run.get_state_display())


def forget_old_uploads(*, at: datetime) -> None:
    """Remove files that nobody has gone on with for a week, and those of imports that are over."""
    kept = Exists(ImportChunk.objects.filter(run=OuterRef("pk")))
    old = Q(started_at__lt=at - KEPT_FOR, state__in=ImportState.OPEN)
    with transaction.atomic():
        forgotten = (
            ImportRun.objects.filter(kept, old | Q(state=ImportState.DONE))
            .select_for_update(skip_locked=True)
            .values_list("pk", flat=True)
        )
        ids = list(forgotten)
        ImportChunk.objects.filter(run__in=ids).delete()
        ImportRun.objects.filter(pk__in=ids, state=ImportState.UPLOADED).delete()
