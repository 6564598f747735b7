"""What administrators say about keys, checked."""

from datetime import timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.models import Brand
from cxcrm.api.enums import SCOPES
from cxcrm.api.models import ApiKey
from cxcrm.api.services import NetworkInvalid, check_limits, draw_prefix, read_networks
from cxcrm.base import clock
from cxcrm.base.admin import DialogForm, MomentField
from cxcrm.base.errors import DomainError
from cxcrm.base.scopes import ResourceGroup, Verb

GOOD_FOR = timedelta(days=365)
# What a group holds beside what its name says, for whoever decides about it.
HOLDS = {
    ResourceGroup.CUSTOMERS: _("Brands, accounts, contacts, timeline"),
    ResourceGroup.CONTRACTS: _("Contracts, cancellations, renewal reminders"),
    ResourceGroup.MAILS: _("Outgoing mails with what became of them"),
}
OVERLAPS = [
    (0, _("at once")),
    (1, _("in a day")),
    (7, _("in a week")),
]


class ScopesTable(forms.CheckboxSelectMultiple):
    """Groups of resources by what may be done to them."""

    template_name = "api/desk/scopes_table.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        boxes = {
            str(box["value"]): box
            for _group, boxes, _index in context["widget"]["optgroups"]
            for box in boxes
        }
        context["verbs"] = [verb.label for verb in Verb]
        context["rows"] = [
            {
                "label": group.label,
                "holds": HOLDS.get(group, ""),
                "boxes": [(verb.label, boxes.get(f"{group}:{verb}")) for verb in Verb],
            }
            for group in ResourceGroup
        ]
        return context


class KeyForm(forms.ModelForm):
    # Chosen with the form, so that a form that is sent twice makes one key.
    begins_with = forms.RegexField(r"^[0-9a-z]{10}$", widget=forms.HiddenInput, initial=draw_prefix)
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=[(scope, scope) for scope in SCOPES],
        widget=ScopesTable,
        help_text=_("Whoever writes reads, too: what is written is answered whole."),
    )
    brands = forms.ModelMultipleChoiceField(
        Brand.objects.order_by("name"),
        label=_("Brands"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Of all others it sees nothing."),
    )
    networks = forms.CharField(
        label=_("Addresses"),
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_(
            "From which it may come, one a line, like 192.0.2.7 or 192.0.2.0/24."
            " Empty: from anywhere."
        ),
    )
    expires_at = MomentField(
        label=_("Valid until"),
        required=False,
        initial=lambda: clock.now() + GOOD_FOR,
        help_text=_("UTC. Empty: until it is revoked."),
    )

    class Meta:
        model = ApiKey
        fields = (
            "name",
            "scopes",
            "covers_all_brands",
            "brands",
            "networks",
            "requests_per_minute",
            "expires_at",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields.pop("begins_with", None)
            self.initial["networks"] = "\n".join(self.instance.networks)

    def clean_networks(self) -> list[str]:
        try:
            return read_networks(self.cleaned_data["networks"].split())
        except NetworkInvalid as refusal:
            raise ValidationError(str(refusal)) from refusal

    def clean(self) -> None:
        super().clean()
        if self.errors:
            return
        ends = self.cleaned_data["expires_at"]
        try:
            check_limits(
                brand_ids=self.brand_ids(),
                expires_at=ends if "expires_at" in self.changed_data else None,
                at=clock.now(),
            )
        except DomainError as refusal:
            self.add_error(refusal.field, str(refusal))

    def brand_ids(self) -> list[int] | None:
        if self.cleaned_data["covers_all_brands"]:
            return None
        return [brand.pk for brand in self.cleaned_data["brands"]]

    def details(self) -> dict[str, Any]:
        """What the services of keys take."""
        same = ("name", "scopes", "networks", "requests_per_minute", "expires_at")
        return {name: self.cleaned_data[name] for name in same} | {"brand_ids": self.brand_ids()}


class ReplaceKeyForm(DialogForm):
    overlap = forms.TypedChoiceField(
        label=_("The old key ends"),
        choices=OVERLAPS,
        coerce=lambda days: timedelta(days=int(days)),
        widget=UnfoldAdminSelectWidget,
    )
