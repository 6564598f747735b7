"""Rows as integrations send them: what the API calls our fields, and what is there already."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.db.models import Model, Q
from django.utils.translation import gettext as _

from accounts.enums import ImportKind
from accounts.models import Account, Contact, Contract, ImportIssue, Product
from accounts.services.imports.fields import fields_of
from accounts.services.imports.files.ndjson_file import cell_of, checked_object, read_object
from accounts.services.imports.files.rows import LONGEST_CELL, fault_of_text
from accounts.services.imports.files.text_lines import BYTE_ORDER_MARK
from accounts.services.imports.kinds import Notation
from accounts.services.imports.row_checks import Values
from accounts.sql.import_merging import OFFER_COLUMNS

# As which a run notes that its rows came in the names of the API; no mapping can be saved under it.
API_MAPPING = "API"
# All fields at their longest are a tenth of it.
LONGEST_ROW = 100_000
_MOST_UNKNOWN = 20
# Fifty million blank lines are passed over at once, not one by one.
_LINE = re.compile(rb"\S[^\n]*")

# What recognises a thing: the id of its brand, then numbers or codes.
Key = tuple[Any, ...]


# What was agreed, in the names of `Contract`; the API shows and takes the same one by one.
CONTRACT_TERMS = (
    "concluded_on",
    "starts_on",
    "first_term_months",
    "after_term",
    "renewal_term_months",
    "notice_months",
    "notice_days",
    "ends_on",
    "price",
    "renewal_price",
    "tax_rate",
    "currency",
    "billing_period_months",
    "is_trial",
)


def _same(*names: str) -> dict[str, str]:
    return {name: name for name in names}


@dataclass(frozen=True, slots=True)
class RowFormat:
    """`fields`: ours, by the names of the API; `key` are those of these names that recognise a
    thing. `paths`: where a `model` has what a name says, if not under the same name; "" where it
    is no part of it."""

    model: type[Model]
    fields: Mapping[str, str]
    key: tuple[str, ...]
    paths: Mapping[str, str]

    @property
    def kept_names(self) -> list[str]:
        """The names that a row may leave out to leave them as they are."""
        return [name for name in self.fields if self.paths.get(name, name)]

    def path(self, name: str) -> str:
        return self.paths.get(name, name)


FORMATS: Mapping[ImportKind, RowFormat] = MappingProxyType(
    {
        ImportKind.ACCOUNTS: RowFormat(
            model=Account,
            fields={"brand": "brand", "external_id": "account_number", "name": "account_name"}
            | _same("customer_kind", "segment", "country", "region", "language", "time_zone"),
            key=("brand", "external_id"),
            paths={"brand": "brand_id"},
        ),
        ImportKind.CONTACTS: RowFormat(
            model=Contact,
            fields={
                "brand": "brand",
                "account_external_id": "account_number",
                "external_id": "contact_number",
                "name": "contact_name",
                "role": "contact_role",
                "address": "contact_address",
                "phone": "contact_phone",
                "language": "contact_language",
            },
            key=("brand", "account_external_id", "external_id"),
            paths={
                "brand": "account__brand_id",
                "account_external_id": "account__external_id",
                "address": "address__address",
            },
        ),
        ImportKind.PRODUCTS: RowFormat(
            model=Product,
            fields={
                "brand": "brand",
                "code": "product_code",
                "name": "product_name",
                "family": "product_family",
            }
            | OFFER_COLUMNS,
            key=("brand", "code"),
            paths={"brand": "brand_id"},
        ),
        ImportKind.CONTRACTS: RowFormat(
            model=Contract,
            fields={
                "brand": "brand",
                "external_id": "contract_number",
                "account_external_id": "account_number",
            }
            | _same(
                "product_code",
                *CONTRACT_TERMS,
                "reminded_on",
            ),
            key=("brand", "external_id"),
            paths={
                "brand": "brand_id",
                "account_external_id": "account__external_id",
                "product_code": "product__code",
                "reminded_on": "",
            },
        ),
    }
)


def api_content(kind: ImportKind, *, says_brand: bool = True) -> dict[str, Any]:
    """The mapping of a file whose columns have the names of the API. `says_brand`: else it is one
    brand for all rows."""
    known = fields_of(kind)
    entries = {
        ours: {"column": name} | ({} if known[ours].required else {"optional": True})
        for name, ours in FORMATS[kind].fields.items()
        if says_brand or name != "brand"
    }
    return {"kind": kind.value, "exact": True, "fields": entries}


def api_names(kind: ImportKind) -> dict[str, str]:
    """What the API calls the fields of a kind, by our names."""
    return {ours: name for name, ours in FORMATS[kind].fields.items()}


def field_as_sent(issue: ImportIssue) -> str:
    """The field that an issue is about, by the API's name where the rows had these."""
    run = issue.run
    if run.mapping != API_MAPPING or run.kind not in FORMATS:
        return issue.field
    return api_names(ImportKind(run.kind)).get(issue.field, issue.field)


@dataclass(slots=True)
class StatedRow:
    """A row with its cells by the names of the API, `""` where it says nothing or null; what it
    says at all; and what of it cannot be used."""

    number: int
    cells: dict[str, str]
    said: Collection[str] = ()
    bad: dict[str, str] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    fault: str = ""


@dataclass(frozen=True, slots=True)
class UnreadRow:
    """In the place of a row that could not be read."""

    fault: str


def rows_of_lines(body: bytes) -> Iterator[object]:
    """The rows that stand one on a line, blank lines left out."""
    for match in _LINE.finditer(body.removeprefix(BYTE_ORDER_MARK)):
        line = match[0]
        if len(line) > LONGEST_ROW:
            yield UnreadRow(_("is longer than %d kB") % (LONGEST_ROW // 1_000))
            continue
        try:
            yield read_object(line.decode("utf-8"))
        except UnicodeDecodeError:
            yield UnreadRow(_("is no UTF-8"))
        except ValueError as error:
            yield UnreadRow(str(error))


def state_rows(rows: Iterable[object], kind: ImportKind) -> Iterator[StatedRow]:
    """The rows, numbered from 1. Each is what JSON says, its numbers as they were written, or an
    UnreadRow."""
    names = FORMATS[kind].fields
    nothing = dict.fromkeys(names, "")
    for number, row in enumerate(rows, start=1):
        if isinstance(row, UnreadRow):
            yield StatedRow(number, nothing, fault=row.fault)
            continue
        try:
            values = checked_object(row)
        except ValueError as error:
            yield StatedRow(number, nothing, fault=str(error))
            continue
        stated = StatedRow(number, dict(nothing), said=values.keys() & names.keys())
        for name, value in values.items():
            if name not in names:
                if fault := fault_of_text(name):
                    stated.fault = _("the name of a value %(reason)s") % {"reason": fault}
                stated.unknown.append(name)
                continue
            try:
                stated.cells[name] = _usable(name, value)
            except ValueError as error:
                stated.bad[name] = str(error)
        del stated.unknown[_MOST_UNKNOWN:]
        yield stated


def _usable(name: str, value: Any) -> str:
    text = cell_of(name, value, Notation()).strip()
    if len(text) > LONGEST_CELL:
        raise ValueError(_("is longer than 10 kB"))
    if fault := fault_of_text(text):
        raise ValueError(fault)
    return text


def key_of(row: StatedRow, form: RowFormat, brand_ids: Mapping[str, int]) -> Key | None:
    """What the row means; None where it does not say it whole."""
    brand, *rest = (row.cells[name] for name in form.key)
    if brand not in brand_ids or not all(rest):
        return None
    return (brand_ids[brand], *rest)


@dataclass(frozen=True, slots=True)
class Known:
    """A thing that is there, and what it says, by our names."""

    id: int
    values: Values


def lock_known(kind: ImportKind, keys: Iterable[Key]) -> None:
    """Lock those of the things that are there until the end of the transaction, in the order in
    which everybody locks: contracts before their accounts."""
    form = FORMATS[kind]
    ids = sorted(known.id for known in known_by_key(kind, keys).values())
    if form.model is Account:
        _lock(Contract, account__in=ids)
    _lock(form.model, pk__in=ids)


def _lock(model: type[Model], **those: Any) -> None:
    rows = model._default_manager.filter(**those).order_by("pk")
    list(rows.select_for_update(no_key=True, of=("self",)).only("pk"))


def known_by_key(kind: ImportKind, keys: Iterable[Key]) -> dict[Key, Known]:
    """Those of the things that are there."""
    form = FORMATS[kind]
    meant = set(keys)
    if not meant:
        return {}
    columns = zip(*meant, strict=True)
    paths = [form.path(name) for name in form.key]
    those = Q()
    for path, values in zip(paths, columns, strict=True):
        those &= Q(**{f"{path}__in": set(values)})
    names = form.kept_names
    rows = form.model._default_manager.filter(those).values_list(
        "pk", *paths, *(form.path(name) for name in names)
    )
    ours = [form.fields[name] for name in names]
    found = {}
    for pk, *said in rows:
        key, values = tuple(said[: len(paths)]), said[len(paths) :]
        if key in meant:
            found[key] = Known(pk, dict(zip(ours, values, strict=True)))
    return found
