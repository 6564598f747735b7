"""What agents type in at the desk, checked."""

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    BASE_INPUT_CLASSES,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from accounts.enums import TaskPool
from accounts.models import Account, Contact
from cxcrm.base.admin import DialogForm
from cxcrm.base.time_zones import known_time_zones
from cxcrm.users.models import User


class DayField(forms.DateField):
    """A day, by the browser's own calendar."""

    widget = forms.DateInput(
        format="%Y-%m-%d", attrs={"type": "date", "class": " ".join(BASE_INPUT_CLASSES)}
    )


class StaffField(forms.ModelChoiceField):
    """One of the people who may enter the desk."""

    def __init__(self, **options) -> None:
        super().__init__(
            User.objects.staff().order_by("name", "id"),
            widget=UnfoldAdminSelectWidget,
            **options,
        )


class AccountForm(forms.ModelForm):
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [(zone, zone) for zone in sorted(known_time_zones())],
        widget=UnfoldAdminSelectWidget,
    )
    account_manager = StaffField(
        label=_("Account manager"), required=False, empty_label=_("Nobody")
    )

    class Meta:
        model = Account
        fields = (
            "name",
            "segment",
            "language",
            "time_zone",
            "country",
            "region",
            "account_manager",
        )


class ContactForm(forms.ModelForm):
    email = forms.EmailField(
        label=_("Mail address"),
        max_length=254,
        required=False,
        widget=UnfoldAdminEmailInputWidget,
    )

    class Meta:
        model = Contact
        fields = ("account", "name", "role", "phone", "language", "may_decide", "external_id")

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.address_id:
            self.initial.setdefault("email", self.instance.address.address)

    def clean_email(self) -> str:
        return self.cleaned_data["email"].strip().lower()


class AddTaskForm(DialogForm):
    title = forms.CharField(
        label=_("What is to be done"), max_length=200, widget=UnfoldAdminTextInputWidget
    )
    due_on = DayField(label=_("Due on"))
    pool = forms.ChoiceField(label=_("Pool"), choices=TaskPool, widget=UnfoldAdminSelectWidget)


class FinishTaskForm(DialogForm):
    result = forms.CharField(
        label=_("What came of it"),
        max_length=5_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )


class AssignTaskForm(DialogForm):
    assignee = StaffField(
        label=_("Assignee"), required=False, empty_label=_("Nobody: back to the pool")
    )


class AccountManagerForm(DialogForm):
    account_manager = StaffField(
        label=_("Account manager"), required=False, empty_label=_("Nobody")
    )
