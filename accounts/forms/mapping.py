"""The editor of a mapping: what the columns of a file mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import chain
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.datastructures import MultiValueDict
from django.utils.text import Truncator
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from accounts.services.imports import FeedSample, fields_of
from accounts.services.imports.fields import Field
from accounts.services.imports.kinds import (
    Address,
    Amount,
    Choice,
    Day,
    Moment,
    Notation,
    Phone,
    YesNo,
)

# Inputs that are no fields of the form are checked like those that are.
_NO_NUL = ProhibitNullCharactersValidator()
UNMAPPED, FIXED, KEPT = "", "fixed", "kept"
_COLUMN = "column:"
MOST_VALUES = 50
FREE_ROWS = 2
# What stands for "no value" in a choice of values, where nothing chosen refuses the row.
NOTHING = "-"
DATE_FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y%m%d")
_EXAMPLE = date(2026, 1, 31)
# Of these every row has a value of its own.
_NEVER_TRANSLATED = (Address, Amount, Day, Moment, Phone)


@dataclass(frozen=True)
class Translation:
    """A value of the file and what it means; of a free row the reader says both."""

    value: str
    meaning: str
    options: list[tuple[str, str]]
    is_free: bool = False


@dataclass(frozen=True)
class MappingRow:
    """A field of ours in the editor."""

    name: str
    field: Field
    source: forms.BoundField
    fixed: forms.BoundField
    kept: str
    translations: list[Translation]

    @property
    def is_prominent(self) -> bool:
        """Whether it must be looked at; the others are folded away."""
        return bool(self.field.required or self.source.value() or self.source.errors)

    @property
    def may_be_translated(self) -> bool:
        return not isinstance(self.field.kind, _NEVER_TRANSLATED)

    @property
    def column(self) -> str:
        return str(self.source.value() or "").removeprefix(_COLUMN)


class MappingForm(forms.Form):
    """Which column, or what else, fills which of our fields.

    A mapping is read from `content` and written by `mapping_content()`. `codes` are what fields
    that refer to something may say, with its names. Sources that the editor
    has no input for (templates, derivations, choices between columns) are kept as they are.
    `translate` names a field whose values are to be translated, `as_it_is` one of which no
    longer. A draft is shown as it was posted, without a word about what it lacks.
    """

    date_format = forms.ChoiceField(label=_("How days are written"), widget=UnfoldAdminSelectWidget)
    decimal_comma = forms.BooleanField(
        label=_("Amounts have a decimal comma, like 1234,50"),
        required=False,
        widget=UnfoldBooleanWidget,
    )
    save_as = forms.CharField(
        label=_("Save the mapping as"),
        required=False,
        max_length=50,
        help_text=_("For the next file of this kind. An existing mapping is replaced."),
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(
        self,
        data: MultiValueDict | None = None,
        *,
        kind: str,
        content: Mapping[str, Any],
        sample: FeedSample,
        codes: Mapping[str, Sequence[tuple[str, str]]],
        needs_brand: bool,
        translate: str = "",
        as_it_is: str = "",
        is_draft: bool = False,
    ) -> None:
        super().__init__(data)
        self._start = content
        self._entries: Mapping[str, Any] = content.get("fields", {})
        self._sample = sample
        self._translate = translate
        self._as_it_is = as_it_is
        self._is_draft = is_draft
        self._codes = codes
        self._fields = {
            name: field for name, field in fields_of(kind).items() if name != "brand" or needs_brand
        }
        self._prepare_notation()
        self._add_sheet(sample.sheets)
        columns = [(f"{_COLUMN}{name}", self._hint(name)) for name in sample.header if name]
        for name, field in self._fields.items():
            self._add_inputs(name, field, columns)

    def rows(self) -> list[MappingRow]:
        return [
            MappingRow(
                name,
                field,
                self[f"{name}:source"],
                self[f"{name}:fixed"],
                _in_words(self._entries[name]) if self._is_kept(name) else "",
                self._translations(name, field),
            )
            for name, field in self._fields.items()
        ]

    def full_clean(self) -> None:
        super().full_clean()
        if self._is_draft:
            self.errors.clear()

    def clean(self) -> dict[str, Any]:
        for name, field in self._fields.items():
            source = self.cleaned_data.get(f"{name}:source")
            if source == UNMAPPED and field.is_always_required:
                self.add_error(f"{name}:source", _("This field is required: choose its source."))
            try:
                for text in chain.from_iterable(self._posted(name).items()):
                    _NO_NUL(text)
            except ValidationError as error:
                self.add_error(f"{name}:source", error)
            if source == FIXED and not self.cleaned_data.get(f"{name}:fixed"):
                self.add_error(f"{name}:source", _("Say the fixed value."))
        return self.cleaned_data

    def refuse(self, field: str | None, reason: str) -> None:
        """Show a refusal of the service beside the field that it is about."""
        if field in self._fields:
            self.add_error(f"{field}:source", reason)
        else:
            self.add_error(field if field in self.fields else None, reason)

    def mapping_content(self) -> dict[str, Any]:
        """The mapping that the form says, once it is valid."""
        content = {
            key: value
            for key, value in self._start.items()
            if key not in ("fields", "date_format", "decimal_comma")
            and not (key == "sheet" and key in self.fields)
        }
        if self.cleaned_data.get("sheet"):
            content["sheet"] = self.cleaned_data["sheet"]
        if self.cleaned_data["date_format"] != DATE_FORMATS[0]:
            content["date_format"] = self.cleaned_data["date_format"]
        if self.cleaned_data["decimal_comma"]:
            content["decimal_comma"] = True
        entries = {name: self._entry(name, field) for name, field in self._fields.items()}
        return content | {"fields": {name: entry for name, entry in entries.items() if entry}}

    def _prepare_notation(self) -> None:
        known = self._start.get("date_format", DATE_FORMATS[0])
        formats = DATE_FORMATS if known in DATE_FORMATS else (*DATE_FORMATS, known)
        self.fields["date_format"].choices = [
            (each, f"{_EXAMPLE.strftime(each)}") for each in formats
        ]
        self.initial["date_format"] = known
        self.initial["decimal_comma"] = self._start.get("decimal_comma", False)

    def _add_sheet(self, sheets: Sequence[str]) -> None:
        """Where a workbook has several. The first goes without its name, which may be another in
        the next file."""
        if len(sheets) < 2:
            return
        first, *others = sheets
        self.fields["sheet"] = forms.ChoiceField(
            label=_("Sheet"),
            required=False,
            choices=[("", first), *((name, name) for name in others)],
            help_text=_("Another sheet has columns of its own: they are matched anew."),
            widget=UnfoldAdminSelectWidget,
        )
        known = self._start.get("sheet", "")
        self.initial["sheet"] = "" if known == first else known

    def _add_inputs(self, name: str, field: Field, columns: list[tuple[str, str]]) -> None:
        sources: list[tuple[Any, Any]] = [
            (UNMAPPED, _("Not in the file")),
            (FIXED, _("A fixed value")),
        ]
        if self._is_kept(name):
            sources.append((KEPT, _("As the mapping says")))
        sources.append((_("Columns"), columns))
        self.fields[f"{name}:source"] = forms.ChoiceField(
            label=name,
            choices=sources,
            required=False,
            widget=UnfoldAdminSelectWidget(
                attrs={"aria-describedby": f"about-{name} error-{name}"}
            ),
        )
        options = self._options(name, field)
        label = _("Fixed value")
        self.fields[f"{name}:fixed"] = (
            forms.ChoiceField(
                label=label,
                choices=[("", "–"), *options],
                required=False,
                widget=UnfoldAdminSelectWidget(attrs={"aria-label": label}),
            )
            if options
            else forms.CharField(
                label=label,
                required=False,
                widget=UnfoldAdminTextInputWidget(attrs={"aria-label": label}),
            )
        )
        self.initial[f"{name}:source"], self.initial[f"{name}:fixed"] = self._initial(name)

    def _initial(self, name: str) -> tuple[str, str]:
        entry = self._entries.get(name)
        if entry is None:
            return UNMAPPED, ""
        if "value" in entry:
            return FIXED, str(entry["value"])
        if self._is_kept(name):
            return KEPT, ""
        if entry["column"] not in self._sample.header:
            return UNMAPPED, ""
        return f"{_COLUMN}{entry['column']}", ""

    def _is_kept(self, name: str) -> bool:
        entry = self._entries.get(name, {})
        return bool(entry) and "column" not in entry and "value" not in entry

    def _options(self, name: str, field: Field) -> list[tuple[str, str]]:
        if name in self._codes:
            return list(self._codes[name])
        if isinstance(field.kind, YesNo):
            return [("yes", _("Yes")), ("no", _("No"))]
        if isinstance(field.kind, Choice):
            return [(value, str(label)) for value, label in field.kind.choices.choices]
        return []

    def _hint(self, column: str) -> str:
        """A column with its first values, to be recognised by."""
        values = ", ".join(list(filter(None, self._values(column)))[:2])
        return f"{column} ({Truncator(values).chars(30)})" if values else column

    def _values(self, column: str) -> list[str]:
        """The different values of a column in the sample, in the order of the file."""
        position = self._sample.header.index(column)
        cells = (row[position].strip() for row in self._sample.rows if position < len(row))
        return list(dict.fromkeys(cells))[:MOST_VALUES]

    def _translations(self, name: str, field: Field) -> list[Translation]:
        """None where the values of the column are taken as they are."""
        source = str(self[f"{name}:source"].value() or "")
        column = source.removeprefix(_COLUMN)
        if not source.startswith(_COLUMN) or column not in self._sample.header:
            return []
        if self._as_it_is == name:
            return []
        said = self._said(name, column)
        options = self._options(name, field)
        values = self._values(column)
        fits = all(self._is_known(name, field, value) for value in values if options and value)
        if said is None and self._translate != name and fits:
            return []
        said = said or {}
        known = [*said, *(value for value in values if value not in said)]
        if options:
            options = [("", _("Refuse the row")), (NOTHING, _("No value")), *options]
        rows = [
            Translation(value, said.get(value, _guessed(value, options)), options)
            for value in known
        ]
        return rows + [Translation("", "", options, is_free=True)] * FREE_ROWS

    def _is_known(self, name: str, field: Field, value: str) -> bool:
        if name in self._codes:
            return value in dict(self._codes[name])
        try:
            field.kind.parse(value, Notation())
        except ValueError:
            return False
        return True

    def _said(self, name: str, column: str) -> dict[str, str] | None:
        """The translations that were posted, else those of the mapping for this column."""
        if self.is_bound:
            posted = self._posted(name)
            if posted or self.data.get(f"{name}:column") == column:
                return posted if self.data.get(f"{name}:column") == column else None
            return None
        entry = self._entries.get(name, {})
        values = entry.get("values") if entry.get("column") == column else None
        if values is None:
            return None
        has_options = bool(self._options(name, self._fields[name]))
        return {
            str(value): (str(meaning) or (NOTHING if has_options else ""))
            for value, meaning in values.items()
        }

    def _posted(self, name: str) -> dict[str, str]:
        pairs = zip(
            self.data.getlist(f"{name}:from"), self.data.getlist(f"{name}:to"), strict=False
        )
        free = zip(
            self.data.getlist(f"{name}:more-from"),
            self.data.getlist(f"{name}:more-to"),
            strict=False,
        )
        return dict(pairs) | {value.strip(): meaning for value, meaning in free if value.strip()}

    def _entry(self, name: str, field: Field) -> dict[str, Any] | None:
        source = self.cleaned_data[f"{name}:source"]
        if source == UNMAPPED:
            return None
        if source == FIXED:
            return {"value": self.cleaned_data[f"{name}:fixed"]}
        before = dict(self._entries.get(name, {}))
        if source == KEPT:
            return before
        column = source.removeprefix(_COLUMN)
        entry = before if before.get("column") == column else {"column": column}
        entry.pop("values", None)
        said = self._said(name, column)
        if said:
            has_options = bool(self._options(name, field))
            entry["values"] = {
                value: "" if meaning == NOTHING and has_options else meaning
                for value, meaning in said.items()
                if meaning or not has_options
            }
        return entry


def _guessed(value: str, options: list[tuple[str, str]]) -> str:
    """The value itself; among options the one that is called like it."""
    if not options:
        return value
    if not value:
        return NOTHING
    for option, label in options[2:]:
        if value.casefold() in (option.casefold(), str(label).casefold()):
            return option
    return ""


def _in_words(entry: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in entry.items())
