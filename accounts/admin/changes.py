from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from accounts.selectors.changes import changes_of
from cxcrm.base.admin import DeskModelAdmin


class TrackedAdmin(DeskModelAdmin):
    """A page that ends with who changed what."""

    change_form_outer_after_template = "accounts/desk/_changes.html"

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        *,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Model | None = None,
    ) -> HttpResponse:
        if obj is not None:
            context |= {"changes": changes_of(obj)} | self.page_context(request, obj)
        return super().render_change_form(
            request, context, add=add, change=change, form_url=form_url, obj=obj
        )

    def page_context(self, request: HttpRequest, obj: Any) -> dict[str, Any]:
        """What the templates of this page need beside the form."""
        return {}
