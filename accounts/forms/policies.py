"""What a CX manager says about reminder policies, checked."""

from datetime import date, timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.enums import CustomerKind
from accounts.forms.desk import DayField
from accounts.models import Brand, Product, ReminderPolicy, ReminderPolicyStep
from accounts.rules.policies import step_faults
from accounts.services.policies import fault_of_end, fault_of_number, faults_of_policy
from cxcrm.base import clock
from cxcrm.base.admin import DialogForm

A_YEAR = timedelta(days=366)
STEP_FIELDS = (
    "days_before",
    "anchor",
    "least_days_to_decide",
    "earliest_months",
    "earliest_days",
    "latest_months",
    "latest_days",
)


def product_families(kept: str = "") -> list[tuple[str, str]]:
    """Those that products have, and the one that is chosen already."""
    families = set(Product.objects.values_list("family", flat=True).distinct())
    return [(family, family) for family in sorted(families | ({kept} - {""}))]


class ReminderPolicyForm(forms.ModelForm):
    brand = forms.ModelChoiceField(
        Brand.objects.order_by("name"),
        label=_("Brand"),
        required=False,
        empty_label=_("All brands"),
        widget=UnfoldAdminSelectWidget,
    )
    customer_kind = forms.ChoiceField(
        label=_("Customers"),
        required=False,
        choices=[("", _("All customers")), *CustomerKind.choices],
        widget=UnfoldAdminSelectWidget,
    )
    product_family = forms.ChoiceField(
        label=_("Products"), required=False, widget=UnfoldAdminSelectWidget
    )
    effective_from = DayField(
        label=_("Renewal dates from"),
        required=False,
        help_text=_("The first renewal date that it holds for. Empty: from ever."),
    )
    effective_until = DayField(
        label=_("Renewal dates until"), required=False, help_text=_("Empty: until further notice.")
    )

    class Meta:
        model = ReminderPolicy
        fields = (
            "name",
            "brand",
            "country",
            "region",
            "customer_kind",
            "product_family",
            "min_term_days",
            "first_term_only",
            "missed_window_frees",
            "effective_from",
            "effective_until",
        )

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if "product_family" in self.fields:  # not among those that only read
            families = product_families(self.instance.product_family)
            self.fields["product_family"].choices = [("", _("All products")), *families]

    def clean_region(self) -> str:
        return self.cleaned_data["region"].strip().upper()

    def clean(self) -> None:
        """Names the field at fault, which the table's constraints cannot."""
        super().clean()
        if self.errors:
            return
        filled_in = ReminderPolicy(pk=self.instance.pk, **self.cleaned_data)
        for field, message in faults_of_policy(filled_in).items():
            self.add_error(field, message)
        # One that is over may be renamed, and nobody may make it so.
        if "effective_until" in self.changed_data and filled_in.effective_until:
            self._end_in_time(filled_in.effective_until)

    def _end_in_time(self, last_day: date) -> None:
        if fault := fault_of_end(last_day, at=clock.now()):
            self.add_error("effective_until", fault)


class ReminderStepForm(forms.ModelForm):
    """A row of a table: its labels stand in the head, so each field says its own to who listens."""

    class Meta:
        model = ReminderPolicyStep
        fields = STEP_FIELDS
        labels = {
            "least_days_to_decide": _("Days to decide"),
            "earliest_months": _("Earliest: months"),
            "earliest_days": _("and days"),
            "latest_months": _("Latest: months"),
            "latest_days": _("and days"),
        }
        help_texts = {
            "earliest_months": _("Not earlier than so long before the day that is counted from."),
            "latest_months": _("Not later than so long before the day that is counted from."),
        }

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["aria-label"] = field.label

    def clean(self) -> None:
        super().clean()
        if self.errors:
            return
        filled_in = {name: self.cleaned_data[name] for name in STEP_FIELDS}
        for field, message in step_faults(ReminderPolicyStep(**filled_in)).items():
            self.add_error(field, message)


class ReminderStepFormSet(BaseInlineFormSet):
    """The steps of a policy; to write them is for `save_policy`."""

    def clean(self) -> None:
        super().clean()
        if fault := fault_of_number(len(self.steps())):
            raise ValidationError(fault)

    def steps(self) -> list[ReminderPolicyStep]:
        """All that there shall be, those that are there already first."""
        return [
            form.instance
            for form in self.forms
            if form not in self.deleted_forms and (form.has_changed() or not form.empty_permitted)
        ]


class DryRunForm(forms.Form):
    """For which day is asked; from `today` to a year ahead."""

    on = DayField(label=_("Day"))
    brand = forms.ModelChoiceField(
        Brand.objects.order_by("name"),
        label=_("Brand"),
        required=False,
        empty_label=_("All brands"),
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args, today: date, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.today = today

    def clean_on(self) -> date:
        on = self.cleaned_data["on"]
        if not self.today <= on <= self.today + A_YEAR:
            raise ValidationError(_("From today to a year ahead."))
        return on


class EndPolicyForm(DialogForm):
    last_day = DayField(
        label=_("Last renewal date"), help_text=_("It holds for renewals up to this day.")
    )


class ReplacePolicyForm(DialogForm):
    first_day = DayField(
        label=_("Renewal dates from"), help_text=_("The first renewal date of the new policy.")
    )
    name = forms.CharField(
        label=_("Name of the new policy"), max_length=100, widget=UnfoldAdminTextInputWidget
    )

    def clean_name(self) -> str:
        name = self.cleaned_data["name"].strip()
        if ReminderPolicy.objects.filter(name=name).exists():
            raise ValidationError(_("Another policy has this name."))
        return name
