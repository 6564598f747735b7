from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelectWidget

from cxcrm.users.enums import Role
from cxcrm.users.models import User


class RoleField(forms.TypedChoiceField):
    def __init__(self, **kwargs) -> None:
        super().__init__(
            label=_("Role"),
            choices=[("", _("None: not in the agent desk")), *Role.choices],
            coerce=Role,
            empty_value=None,
            required=False,
            widget=UnfoldAdminSelectWidget(),
            **kwargs,
        )


class LowerCaseEmail:
    def clean_email(self) -> str:
        return self.cleaned_data["email"].lower()


class NewUserForm(LowerCaseEmail, UserCreationForm):
    usable_password = None
    role = RoleField(initial=Role.AGENT)

    class Meta:
        model = User
        fields = ("email", "name", "language")


class UserForm(LowerCaseEmail, UserChangeForm):
    role = RoleField()

    class Meta:
        model = User
        fields = ("email", "name", "language", "is_active", "password")

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields:
            self.initial["role"] = self.instance.groups.values_list("name", flat=True).first()
