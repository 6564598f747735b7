from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApiConfig(AppConfig):
    name = "cxcrm.api"
    label = "api"
    verbose_name = _("Integrations")

    def ready(self) -> None:
        from cxcrm.api import checks  # noqa: F401 - registers the system checks
