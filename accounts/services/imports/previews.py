"""What a file holds and how a mapping reads it, without taking anything in."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from accounts.enums import ImportKind
from accounts.services.imports.files import EnoughRead, Feed, Row, open_feed
from accounts.services.imports.importing import check_brand, known_references
from accounts.services.imports.mapping import FeedMapping, load_mapping, parse_mapping
from accounts.services.imports.offers import offer_problems
from accounts.services.imports.rows import References, RowReader
from accounts.sql import import_staging

# A browser waits for a look at a file: so many bytes of a text are read for it, so many rows that
# cannot be read are passed over, and so many characters are kept.
MOST_READ = 32 * 2**20
MOST_REFUSED = 1_000
MOST_KEPT = 4 * 2**20
# Whoever sends a file is told within a moment what can be told by so many of its lines.
LINES_CHECKED = 500


@dataclass(frozen=True, slots=True)
class FeedSample:
    """The columns of a file, the cells of its first rows, and the sheets of a workbook."""

    header: list[str]
    rows: list[list[str]]
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """A row as it would come in: what it says of each mapped field, and for each bad field the
    reason; a reason without a field concerns the row as a whole."""

    line: int
    cells: list[str]
    values: dict[str, str]
    problems: dict[str, str]


@dataclass(frozen=True, slots=True)
class FeedPreview:
    header: list[str]
    rows: list[PreviewRow]
    kind: ImportKind


def read_sample(*, file: Path, rows: int = 50, sheet: str = "") -> FeedSample:
    """The header and the first rows that can be read, out of the beginning of a large file.
    Raises FeedRefused."""
    with open_feed(file, sheet=sheet, most=MOST_READ) as feed:
        sample = FeedSample(feed.header, [], feed.sheets)
        length = 0
        for row in islice(_first_rows(feed), rows + MOST_REFUSED):
            length += sum(map(len, row.cells))
            if len(sample.rows) == rows or length > MOST_KEPT:
                break
            if not row.fault:
                sample.rows.append(row.cells)
        return sample


def _first_rows(feed: Feed) -> Iterator[Row]:
    with suppress(EnoughRead):
        yield from feed.rows()


def preview_feed(
    *,
    file: Path,
    mapping: str | Mapping[str, Any],
    as_of: date,
    brand: str | None,
    rows: int = 20,
) -> FeedPreview:
    """The first rows as the mapping reads them, each by itself; nothing is written.

    Raises MappingRefused, BrandUnknown and FeedRefused.
    """
    feed_mapping = load_mapping(mapping) if isinstance(mapping, str) else parse_mapping("", mapping)
    references = known_references()
    check_brand(brand, references)
    with open_feed(
        file, notation=feed_mapping.notation, sheet=feed_mapping.sheet, most=MOST_READ
    ) as feed:
        reader = _reader(feed, feed_mapping, references, as_of=as_of, brand=brand)
        codes = {
            field: {number: code for code, number in ids.items()}
            for field, ids in references.items()
        }
        preview = FeedPreview(feed.header, [], feed_mapping.kind)
        for row in islice(_first_rows(feed), rows):
            if row.fault:
                preview.rows.append(PreviewRow(row.line, row.cells, {}, {"": row.fault}))
                continue
            values, problems = reader.read(row.cells, row.bad_cells)
            if feed_mapping.kind == ImportKind.PRODUCTS and not problems:
                problems = offer_problems([values], reader.fields)[0]
            shown = {
                name: _shown(codes[name].get(values[name]) if name in codes else values[name])
                for name in feed_mapping.sources
                if name in reader.fields and name not in problems
            }
            preview.rows.append(PreviewRow(row.line, row.cells, shown, problems))
    return preview


def check_beginning(
    *, file: Path, name: str, mapping: Mapping[str, Any], as_of: date, brand: str | None
) -> None:
    """Raises what an import would refuse the whole file for, as far as its first lines tell:
    MappingRefused, BrandUnknown and FeedRefused. `name`: that of the mapping."""
    feed_mapping = parse_mapping(name, mapping)
    references = known_references()
    check_brand(brand, references)
    with open_feed(
        file,
        notation=feed_mapping.notation,
        sheet=feed_mapping.sheet,
        most=MOST_READ,
        most_lines=LINES_CHECKED,
    ) as feed:
        # Later lines may have the columns that these lack; under an exact mapping they may not.
        if feed.has_all_columns or feed_mapping.is_exact:
            _reader(feed, feed_mapping, references, as_of=as_of, brand=brand)
        for _row in islice(_first_rows(feed), LINES_CHECKED):
            pass


def _reader(
    feed: Feed, mapping: FeedMapping, references: References, *, as_of: date, brand: str | None
) -> RowReader:
    return RowReader(
        mapping=mapping,
        header=feed.header,
        as_of=as_of,
        references=references,
        brand=brand,
        time_zones=import_staging.known_time_zones(),
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    return str(value)
