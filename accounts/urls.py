from django.urls import path

from accounts import views

app_name = "accounts"
urlpatterns = [
    path("renewal/<str:token>/", views.renewal, name="renewal"),
    path("renewal/<str:token>/cancel/", views.cancel, name="cancel"),
    path("renewal/<str:token>/code/", views.send_code, name="send_code"),
]
