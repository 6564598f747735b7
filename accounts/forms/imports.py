"""The form with which a feed comes in at the desk."""

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminSelectWidget

from accounts.enums import ImportKind
from accounts.forms.desk import DayField
from accounts.models import Brand
from accounts.services.imports.saved_mappings import known_mappings
from accounts.services.imports.uploads import too_large


def mapping_choices() -> Iterator[tuple[str, Any]]:
    yield "", _("None: match columns by their names")
    for name, kind in known_mappings():
        yield name, f"{name} ({kind.label})"


class UploadForm(forms.Form):
    """What a file is. `was_too_large`: the server has thrown it away while it came in."""

    file = forms.FileField(
        label=_("File"),
        help_text=_("CSV, XLSX or JSON lines. The first line of a table names its columns."),
        widget=UnfoldAdminFileFieldWidget(
            attrs={"accept": ".csv,.gz,.xlsx,.ndjson,.jsonl,.tsv,.txt"}
        ),
        error_messages={"required": _("Choose a file.")},
    )
    kind = forms.ChoiceField(
        label=_("What a row is"),
        choices=ImportKind,
        initial=ImportKind.CONTRACTS,
        help_text=_("Contracts may bring their account, contact and product along."),
        widget=UnfoldAdminSelectWidget,
    )
    as_of = DayField(
        label=_("As of"),
        help_text=_("The day that the file is from: what had started or ended by then has."),
    )
    brand = forms.ModelChoiceField(
        Brand.objects.order_by("name"),
        label=_("Brand"),
        required=False,
        empty_label=_("A column says it"),
        help_text=_("Of all rows. Leave it open where a column of the file names the brand."),
        widget=UnfoldAdminSelectWidget,
    )
    mapping = forms.ChoiceField(
        label=_("Start from this mapping"),
        required=False,
        choices=mapping_choices,
        help_text=_("You can change everything in the next step."),
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, was_too_large: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if was_too_large:
            self.fields["file"].error_messages["required"] = too_large()
