from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = _("Customers")

    def ready(self) -> None:
        from accounts.services import (
            brands,
            decision_codes,
            deeds,
            lost_reminders,
            receipts,
            reminder_mail,
        )

        brands.register_brands_with_mail()
        reminder_mail.register_mail_kinds()
        receipts.register_mail_kinds()
        decision_codes.register_mail_kinds()
        deeds.register_deeds()
        lost_reminders.register_lost_reminders()
