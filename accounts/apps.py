from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Customers")

    def ready(self) -> None:
        from accounts.services import deeds, receipts, renewals

        renewals.register_mail_kinds()
        receipts.register_mail_kinds()
        deeds.register_deeds()
