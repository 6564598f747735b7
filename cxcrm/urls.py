from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("cxcrm.demo.urls")),
    path("account/", include("allauth.urls")),
    path("desk/", admin.site.urls),
]
