from django.urls import path

from cxcrm.demo import views

app_name = "demo"
urlpatterns = [
    path("", views.landing, name="landing"),
    path("demo/enter/", views.enter, name="enter"),
    path("demo/play/", views.play, name="play"),
    path("mailbox/", views.mailbox, name="mailbox"),
    path("mailbox/<str:key>/", views.letter, name="letter"),
    path("mailbox/<str:key>/html/", views.letter_as_html, name="letter_as_html"),
]
