from allauth.account.views import logout
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from cxcrm.base import health, views

urlpatterns = [
    path("", include("cxcrm.demo.urls")),
    path("account/", include("cxcrm.users.urls")),
    path("favicon.ico", views.icon),
    path("health/live", health.live, name="health_live"),
    path("health/ready", health.ready, name="health_ready"),
    # The desk's own ways out and to a new password would know nothing of the second factor.
    path("desk/logout/", logout),
    path("desk/password_change/", RedirectView.as_view(pattern_name="account_change_password")),
    path("desk/", admin.site.urls),
]

handler429 = "cxcrm.users.views.too_many_attempts"  # allauth's own limits answer by it
handler500 = "cxcrm.base.views.server_error"
