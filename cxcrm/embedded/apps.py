from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    """No models; an app only to offer the command `run`."""

    name = "cxcrm.embedded"
