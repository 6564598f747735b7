from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "cxcrm.base"
    label = "base"

    def ready(self) -> None:
        from cxcrm.base import checks  # noqa: F401 - registers the system checks
