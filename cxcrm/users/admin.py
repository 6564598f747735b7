from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm

from cxcrm.users.enums import Role
from cxcrm.users.forms import NewUserForm, UserForm
from cxcrm.users.models import User
from cxcrm.users.services import change_role, forget_second_factor

# Roles are made by a migration, addresses by the user, second factors by their owner.
for model in (Group, EmailAddress, Authenticator):
    admin.site.unregister(model)


@admin.register(User)
class UserAdmin(ModelAdmin, DjangoUserAdmin):
    """Who may enter. Logins are switched off, never deleted: the history names them."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    fieldsets = (
        (None, {"fields": ("email", "name", "language", "role", "is_active", "password")}),
        (_("Known since"), {"fields": ("date_joined", "last_login")}),
    )
    add_fieldsets = (
        (None, {"fields": ("email", "name", "language", "role", "password1", "password2")}),
    )
    readonly_fields = ("date_joined", "last_login")
    list_display = ("email", "name", "roles", "is_active", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "name")
    ordering = ("email",)
    filter_horizontal = ()
    show_full_result_count = False
    actions = ("forget_second_factors",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).filter(is_machine=False).prefetch_related("groups")

    @display(description=_("role"))
    def roles(self, user: User) -> str:
        named = [str(Role(group.name).label) for group in user.groups.all()]
        return ", ".join([*named, str(_("Superuser"))] if user.is_superuser else named)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return request.user.has_perm("users.change_user", obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:  # noqa: FBT001 - Django's signature
        super().save_model(request, obj, form, change)
        change_role(user=obj, role=form.cleaned_data["role"])

    @action(description=_("Forget the second factor of the chosen logins"), permissions=["change"])
    def forget_second_factors(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        within_reach = [
            user for user in queryset if request.user.has_perm("users.change_user", user)
        ]
        for user in within_reach:
            forget_second_factor(user=user)
        messages.success(
            request,
            ngettext(
                "%(count)d login sets up a new second factor at its next visit.",
                "%(count)d logins set up a new second factor at their next visit.",
                len(within_reach),
            )
            % {"count": len(within_reach)},
        )
