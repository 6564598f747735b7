from allauth.account.views import logout
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from cxcrm.agent_desk.metrics import metrics
from cxcrm.base import health, views
from cxcrm.outbox.urls import hook_patterns

urlpatterns = [
    path("", include("cxcrm.demo.urls")),
    path("", include("accounts.urls")),
    path("api/", include("cxcrm.api.urls")),
    path("account/", include("cxcrm.users.urls")),
    path("mail/", include("cxcrm.outbox.urls")),
    path("hooks/mail/", include(hook_patterns)),
    path("favicon.ico", views.icon),
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    path("metrics", metrics, name="metrics"),
    # The desk's own ways out and to a new password would know nothing of the second factor.
    path("desk/logout/", logout),
    path("desk/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("desk/", admin.site.urls),
]

handler400 = "cxcrm.base.views.bad_request"
handler429 = "cxcrm.users.views.too_many_attempts"  # allauth's own limits answer by it
handler500 = "cxcrm.base.views.server_error"
