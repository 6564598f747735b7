from django.urls import path

from cxcrm.outbox import api, views

app_name = "outbox"
urlpatterns = [
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("preferences/<str:token>/", views.preferences, name="preferences"),
]

# Without a namespace: providers are told the whole address.
hook_patterns = [
    path("<slug:provider>/tracking/", api.provider_events, name="provider_events"),
]
