"""What agents see of the addresses that mail goes to."""

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from cxcrm.base import clock
from cxcrm.base.admin import (
    DialogForm,
    ListView,
    MomentField,
    OffersFittingDeeds,
    ReadOnlyAdmin,
    held,
)
from cxcrm.outbox.enums import MailClass, ObjectionSource
from cxcrm.outbox.models import MailAddress, MailBounce, MailPermission
from cxcrm.outbox.services import lift_objection, object_to, object_to_all, revive_address

EVERYTHING = "all"


def optional_classes() -> list[tuple[str, str]]:
    """What can be objected to."""
    return [(value, label) for value, label in MailClass.choices if value != MailClass.SERVICE]


class ObjectionForm(DialogForm):
    mail_class = forms.ChoiceField(
        label=_("No more"),
        choices=lambda: [*optional_classes(), (EVERYTHING, _("All of these"))],
        help_text=_("Mails about contracts go on: nobody can object to them."),
        widget=UnfoldAdminSelectWidget,
    )
    via = forms.ChoiceField(
        label=_("How we know"),
        choices=lambda: [(via, ObjectionSource(via).label) for via in ObjectionSource.TOLD],
        widget=UnfoldAdminSelectWidget,
    )


class ConsentForm(DialogForm):
    mail_class = forms.ChoiceField(
        label=_("Wanted again"), choices=optional_classes, widget=UnfoldAdminSelectWidget
    )
    source = forms.CharField(
        label=_("Proof of the consent"),
        max_length=200,
        help_text=_("Where and how it was given, so that others find it. It is kept."),
        widget=UnfoldAdminTextInputWidget,
    )
    consented_at = MomentField(
        label=_("Given on"), help_text=_("In UTC. It has to be newer than the objection.")
    )


REVIVE = ActionDialog(
    title=_("This address works"),
    description=_("Mail goes there again. Only where you know that the bounce was a mistake."),
    form_class=DialogForm,
    form_submit_text=_("Write to it again"),
)
NOTE_OBJECTION = ActionDialog(
    title=_("Note an objection"),
    description=_("It counts at once, also for mails on their way. No import or form undoes it."),
    form_class=ObjectionForm,
    form_submit_text=_("Note it"),
)
LIFT_OBJECTION = ActionDialog(
    title=_("Lift an objection"),
    description=_(
        "Only where the owner of this address has asked for these mails again since, and we can "
        "prove it."
    ),
    form_class=ConsentForm,
    form_submit_text=_("Write to it again"),
)


class _ReadOnlyInline(TabularInline):
    extra = 0
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: MailAddress | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: MailAddress | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: MailAddress | None = None) -> bool:
        return False


class MailPermissionInline(_ReadOnlyInline):
    """Kept by the services that ask for, import and take back permissions."""

    model = MailPermission
    fields = ("mail_class", "basis", "source", "granted_at", "objected_at", "objected_via")
    readonly_fields = fields
    ordering = ("mail_class",)


class MailBounceInline(_ReadOnlyInline):
    """What came back, newest first; the services that are told of it write it."""

    model = MailBounce
    fields = ("occurred_at", "kind", "reason", "source")
    readonly_fields = fields
    ordering = ("-occurred_at", "-id")


@admin.register(MailAddress)
class MailAddressAdmin(OffersFittingDeeds, ReadOnlyAdmin):
    views = (
        ListView("all", _("All"), lambda addresses, request: addresses),
        ListView(
            "bounced",
            _("Bounced"),
            lambda addresses, request: addresses.filter(bounced_at__isnull=False),
            ("-bounced_at", "-id"),
        ),
        ListView(
            "complained",
            _("Reported us"),
            lambda addresses, request: addresses.filter(complained_at__isnull=False),
            ("-complained_at", "-id"),
        ),
        ListView("objected", _("Objected"), lambda addresses, request: addresses.objected()),
    )
    list_display = ("address", "shown_state", "bounced_at", "bounce_reason", "complained_at")
    search_fields = ("address",)
    search_help_text = _("The whole e-mail address")
    fields = ("address", ("bounced_at", "complained_at"), "bounce_reason", "revived_at")
    actions_detail = ("note_objection", "lift_objection", "revive")

    has_revive_permission = held("outbox.revive_mailaddress")
    has_note_objection_permission = held("outbox.note_objection")
    has_lift_objection_permission = held("outbox.lift_objection")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[MailAddress], search_term: str
    ) -> tuple[QuerySet[MailAddress], bool]:
        text = search_term.strip().lower()
        return (queryset.filter(address=text) if text else queryset), False

    def get_inlines(self, request: HttpRequest, obj: MailAddress | None) -> tuple:
        """Most addresses have had no bounce."""
        if obj is not None and obj.bounces.exists():
            return (MailPermissionInline, MailBounceInline)
        return (MailPermissionInline,)

    def unfit_deeds(self, row: MailAddress) -> set[str]:
        """Only an address that has bounced can be revived, only an objection be lifted."""
        unfit = set()
        if not row.bounced_at:
            unfit.add("revive")
        if not row.permissions.filter(objected_at__isnull=False).exists():
            unfit.add("lift_objection")
        return unfit

    @action(
        description=_("Note objection"),
        icon="do_not_disturb_on",
        permissions=["note_objection"],
        dialog=NOTE_OBJECTION,
    )
    def note_objection(
        self, request: HttpRequest, form: ObjectionForm, object_id: str
    ) -> HttpResponse:
        answers = form.cleaned_data
        via = ObjectionSource(answers["via"])

        def act(address: MailAddress) -> None:
            if answers["mail_class"] == EVERYTHING:
                object_to_all(address_id=address.pk, via=via, at=clock.now())
            else:
                object_to(
                    address_id=address.pk,
                    mail_class=MailClass(answers["mail_class"]),
                    via=via,
                    at=clock.now(),
                )

        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=NOTE_OBJECTION,
            act=act,
            done=_("The objection is noted."),
        )

    @action(
        description=_("Lift objection"),
        icon="how_to_reg",
        permissions=["lift_objection"],
        dialog=LIFT_OBJECTION,
    )
    def lift_objection(
        self, request: HttpRequest, form: ConsentForm, object_id: str
    ) -> HttpResponse:
        answers = form.cleaned_data
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=LIFT_OBJECTION,
            act=lambda address: lift_objection(
                address_id=address.pk,
                mail_class=MailClass(answers["mail_class"]),
                source=answers["source"],
                consented_at=answers["consented_at"],
                at=clock.now(),
            ),
            done=_("These mails go to this address again."),
        )

    @action(
        description=_("This address works"),
        icon="mark_email_read",
        permissions=["revive"],
        dialog=REVIVE,
    )
    def revive(self, request: HttpRequest, form: DialogForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=REVIVE,
            act=lambda address: revive_address(address_id=address.pk, at=clock.now()),
            done=_("Mail goes to this address again."),
        )

    @display(
        description=_("state"),
        label={"living": "success", "bounced": "danger", "complained": "warning"},
    )
    def shown_state(self, address: MailAddress) -> tuple[str, str]:
        if address.bounced_at:
            return "bounced", _("Bounced")
        if address.complained_at:
            return "complained", _("Reported us")
        return "living", _("Living")
