from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "cxcrm.demo"
    label = "demo"
