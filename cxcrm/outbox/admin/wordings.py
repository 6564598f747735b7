"""The versions of the texts of mails: who worded what, and back to it."""

from collections.abc import Collection
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.dataclasses import ActionDialog
from unfold.decorators import action, display

from cxcrm.base import clock
from cxcrm.base.admin import DialogForm, OffersFittingDeeds, ReadOnlyAdmin
from cxcrm.outbox.admin.wording_pages import WordingPages, page_of
from cxcrm.outbox.models import MailWording
from cxcrm.outbox.services.kinds import UnknownMailKind, mail_kind
from cxcrm.outbox.services.wording_versions import (
    changes_of_version,
    restore_wording,
    version_in_force,
)

RESTORE = ActionDialog(
    title=_("Say this again"),
    description=_("Its texts come in force as a new version. Mails say them from then on."),
    form_class=DialogForm,
    form_submit_text=_("Put in force"),
)


def kind_label(wording: MailWording) -> str:
    try:
        return str(mail_kind(wording.kind).label)
    except UnknownMailKind:
        return wording.kind


def newest_of(wording: MailWording) -> MailWording:
    newest = version_in_force(
        kind=wording.kind, language=wording.language, brand_code=wording.brand_code
    )
    return newest or wording


@admin.register(MailWording)
class MailWordingAdmin(WordingPages, OffersFittingDeeds, ReadOnlyAdmin):
    list_display = (
        "created_at",
        "shown_kind",
        "language",
        "shown_brand",
        "version",
        "shown_texts",
        "created_by",
    )
    list_select_related = ("created_by",)
    fields = (
        ("shown_kind", "language"),
        ("shown_brand", "version"),
        ("created_at", "created_by"),
    )
    readonly_fields = ("shown_kind", "shown_brand")
    change_form_outer_before_template = "outbox/desk/wording_version.html"
    actions_detail = ("restore",)

    def unfit_deeds(self, row: MailWording) -> Collection[str]:
        """What is in force need not be restored."""
        return {"restore"} if newest_of(row) == row else ()

    @action(description=_("Say this again"), icon="history", permissions=["word"], dialog=RESTORE)
    def restore(self, request: HttpRequest, form: DialogForm, object_id: str) -> HttpResponse:
        return self.act_from_dialog(
            request,
            form,
            object_id=object_id,
            dialog=RESTORE,
            act=lambda wording: restore_wording(
                wording_id=wording.pk,
                based_on=newest_of(wording).version,
                at=clock.now(),
                actor=request.user,
            ),
            done=_("Saved. Mails say it from now on."),
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        wording = kwargs["obj"]
        context |= {
            "changes": changes_of_version(wording),
            "newest": newest_of(wording),
            "texts_url": page_of(wording.kind, wording.language, wording.brand_code),
        }
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description=_("kind"))
    def shown_kind(self, wording: MailWording) -> str:
        return kind_label(wording)

    @display(description=_("brand"))
    def shown_brand(self, wording: MailWording) -> str:
        return wording.brand_code or str(_("All brands"))

    @display(description=_("own texts"))
    def shown_texts(self, wording: MailWording) -> str:
        return str(len(wording.texts)) if wording.texts else str(_("none: the default"))
