from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _


class AgentDeskConfig(AdminConfig):
    """Makes our site the admin site, so that apps keep plain `@admin.register`."""

    default_site = "cxcrm.agent_desk.site.AgentDesk"
    verbose_name = _("Agent desk")


class AgentDeskPagesConfig(AppConfig):
    """Where the desk's own templates and styles are found: the admin site's app is Django's."""

    name = "cxcrm.agent_desk"
    label = "agent_desk"
