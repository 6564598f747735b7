from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite

from cxcrm.agent_desk.operations import operations_page
from cxcrm.agent_desk.revenue import revenue_export, revenue_page


class AgentDesk(UnfoldAdminSite):
    """The service agents' door."""

    index_title = _("Today")
    index_template = "agent_desk/index.html"
    enable_nav_sidebar = True

    @method_decorator(login_not_required)
    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """There is one sign-in, with limits and a second factor, and it is not here; those whom
        it let in but who are no staff are told so."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get(REDIRECT_FIELD_NAME) or reverse("admin:index"))
        if not self.has_permission(request):
            raise PermissionDenied
        return redirect("admin:index")

    def get_urls(self) -> list[URLPattern | URLResolver]:
        # Django's "view on site": nothing here has a page of its own elsewhere, and the shortcut
        # looks into any table whose content type is named.
        given = [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]
        own = [
            path("operations/", self.admin_view(operations_page), name="operations"),
            path("revenue/", self.admin_view(revenue_page), name="revenue"),
            path(
                "revenue/export/<str:file_type>/",
                self.admin_view(revenue_export),
                name="revenue_export",
            ),
        ]
        return [*own, *given]
