from allauth.account.decorators import secure_admin_login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver
from django.utils.decorators import method_decorator
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


class AgentDesk(UnfoldAdminSite):
    """The service agents' door."""

    index_title = _("Today")
    index_template = "agent_desk/index.html"
    enable_nav_sidebar = True

    @method_decorator([login_not_required, secure_admin_login])
    def login(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        """There is one sign-in, with limits and a second factor; those whom it let in but who
        are no staff are told so."""
        return super().login(request, extra_context)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        # Django's "view on site": nothing here has a page of its own elsewhere, and the shortcut
        # looks into any table whose content type is named.
        return [url for url in super().get_urls() if getattr(url, "name", "") != "view_on_site"]
