"""The texts of mails at the desk: which there are, and the page that words them."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from cxcrm.base import clock
from cxcrm.base.admin import held
from cxcrm.base.errors import DomainError
from cxcrm.outbox.forms import VersionForm, WordingForm
from cxcrm.outbox.models import MailWording
from cxcrm.outbox.services.brands import brands
from cxcrm.outbox.services.kinds import MailKind, UnknownMailKind, mail_kind, mail_kinds
from cxcrm.outbox.services.wording_previews import preview_wording, samples
from cxcrm.outbox.services.wording_versions import (
    reset_wording,
    save_wording,
    texts_without_own,
    version_in_force,
    versions_in_force,
)
from cxcrm.users.enums import Language

VERSIONS_SHOWN = 10


def page_of(kind: str, language: str, brand_code: str = "") -> str:
    """Where the texts of a kind in a language are worded, for a brand or for all."""
    url = reverse("admin:outbox_mailwording_texts", args=[kind, language])
    return f"{url}?{urlencode({'brand': brand_code})}" if brand_code else url


class WordingPages:
    """The pages of MailWordingAdmin beside the list of versions."""

    has_word_permission = held("outbox.change_mailwording")

    def get_urls(self) -> list[URLPattern]:
        pages = {
            "overview": ("texts/", self.overview),
            "texts": ("texts/<slug:kind>/<slug:language>/", self.texts),
            "preview": ("texts/<slug:kind>/<slug:language>/preview/", self.preview),
            "reset": ("texts/<slug:kind>/<slug:language>/reset/", self.reset),
        }
        return [
            *(
                path(route, self.admin_site.admin_view(view), name=f"outbox_mailwording_{name}")
                for name, (route, view) in pages.items()
            ),
            *super().get_urls(),
        ]

    def overview(self, request: HttpRequest) -> HttpResponse:
        """Every kind in every language, with what is worded otherwise than the default."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        in_force = versions_in_force()
        names = _brand_names()
        kinds = [
            {
                "label": kind.label,
                "rows": [
                    {
                        "language": Language(language).label,
                        "brand": names.get(brand_code, brand_code),
                        "wording": in_force.get((kind.name, language, brand_code)),
                        "url": page_of(kind.name, language, brand_code),
                    }
                    for language in Language.values
                    for brand_code in ("", *_worded_brands(in_force, kind.name, language))
                ],
            }
            for kind in mail_kinds()
            if kind.texts
        ]
        return self.page(request, "wordings", _("Wordings of mails"), kinds=kinds)

    def texts(self, request: HttpRequest, kind: str, language: str) -> HttpResponse:
        """What a mail says, to be worded otherwise, with a preview; saving puts it in force."""
        known, brand_code = self._asked(request, kind, language)
        brand_names = _brand_names()
        may_word = self.has_word_permission(request)
        is_to_be_saved = request.method == "POST" and "preview" not in request.POST
        if is_to_be_saved and not may_word:
            raise PermissionDenied
        newest = version_in_force(kind=kind, language=language, brand_code=brand_code)
        form = self._form(request, known, language, brand_code, newest, is_read_only=not may_word)
        if is_to_be_saved and form.is_valid():
            try:
                saved = save_wording(
                    kind=kind,
                    language=language,
                    brand_code=brand_code,
                    texts=form.texts(),
                    based_on=form.cleaned_data["based_on"],
                    at=clock.now(),
                    actor=request.user,
                )
            except DomainError as refusal:
                form.refuse(refusal.field, str(refusal))
            else:
                done = _("Saved. Mails say it from now on.") if saved else _("Nothing was changed.")
                messages.success(request, done)
                return redirect(page_of(kind, language, brand_code))
        return self.page(
            request,
            "wording",
            f"{known.label}, {Language(language).label}",
            kind=known,
            language=language,
            brand_code=brand_code,
            languages=[
                (Language(code).label, code, page_of(kind, code, brand_code))
                for code in Language.values
            ],
            brands=[
                (_("All brands"), "", page_of(kind, language)),
                *(
                    (name, code, page_of(kind, language, code))
                    for code, name in brand_names.items()
                ),
            ],
            form=form,
            was_refused=is_to_be_saved,
            may_word=may_word,
            newest=newest,
            versions=MailWording.objects.filter(kind=kind, language=language, brand_code=brand_code)
            .select_related("created_by")
            .order_by("-version")[:VERSIONS_SHOWN],
            preview_url=self._of(request, "preview", kind, language),
            reset_url=self._of(request, "reset", kind, language),
            **_preview(known, language, brand_code, form),
        )

    def preview(self, request: HttpRequest, kind: str, language: str) -> HttpResponse:
        """The piece of the page that shows a draft; nothing is saved."""
        known, brand_code = self._asked(request, kind, language)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        newest = version_in_force(kind=kind, language=language, brand_code=brand_code)
        may_word = self.has_word_permission(request)
        form = self._form(request, known, language, brand_code, newest, is_read_only=not may_word)
        form.is_valid()
        return TemplateResponse(
            request,
            "outbox/desk/_wording_preview.html",
            {"form": form, "language": language, **_preview(known, language, brand_code, form)},
        )

    def reset(self, request: HttpRequest, kind: str, language: str) -> HttpResponse:
        known, brand_code = self._asked(request, kind, language)
        if not self.has_word_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        seen = VersionForm(request.POST)
        try:
            reset_wording(
                kind=known.name,
                language=language,
                brand_code=brand_code,
                based_on=seen.cleaned_data["based_on"] if seen.is_valid() else 0,
                at=clock.now(),
                actor=request.user,
            )
        except DomainError as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("The texts are the default again."))
        return redirect(page_of(kind, language, brand_code))

    def page(self, request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
        return TemplateResponse(
            request,
            f"outbox/desk/{name}.html",
            {**self.admin_site.each_context(request), "title": title, "opts": self.opts, **context},
        )

    def _asked(self, request: HttpRequest, kind: str, language: str) -> tuple[MailKind, str]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        brand_code = request.GET.get("brand", "")
        try:
            known = mail_kind(kind)
        except UnknownMailKind as refusal:
            raise Http404 from refusal
        is_brand = not brand_code or brand_code in _brand_names()
        if not known.texts or language not in Language.values or not is_brand:
            raise Http404
        return known, brand_code

    def _form(
        self,
        request: HttpRequest,
        kind: MailKind,
        language: str,
        brand_code: str,
        newest: MailWording | None,
        *,
        is_read_only: bool = False,
    ) -> WordingForm:
        return WordingForm(
            request.POST if request.method == "POST" else None,
            kind=kind,
            samples=samples(kind, language=language, brand_code=brand_code, on=clock.now().date()),
            without_own=texts_without_own(kind, language=language, brand_code=brand_code),
            own=newest.texts if newest else {},
            based_on=newest.version if newest else 0,
            is_read_only=is_read_only,
        )

    def _of(self, request: HttpRequest, page: str, kind: str, language: str) -> str:
        url = reverse(f"admin:outbox_mailwording_{page}", args=[kind, language])
        return f"{url}?{request.GET.urlencode()}" if request.GET else url


def _preview(kind: MailKind, language: str, brand_code: str, form: WordingForm) -> dict[str, Any]:
    sample = form.sample()
    rendered = preview_wording(
        kind, language=language, brand_code=brand_code, texts=form.texts(), sample=sample
    )
    return {"rendered": rendered, "sample": sample}


def _brand_names() -> dict[str, str]:
    return {brand["code"]: brand["name"] for brand in brands()}


def _worded_brands(in_force: dict[tuple[str, str, str], MailWording], kind: str, language: str):
    return sorted(
        brand for known, spoken, brand in in_force if (known, spoken) == (kind, language) and brand
    )
