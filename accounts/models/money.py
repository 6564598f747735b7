import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.enums import PriceChangeReason


class PriceChange(models.Model):
    """The price of a contract from a day on: announced and still to come, or in force since.

    While it is to come, `applied_at` is empty. When it comes in force the price, the yearly value
    (0 of a trial) and the currency until then are kept, so that the money of every past day can be
    told: it is that before the first later change, else the contract's own. A feed that changes
    what a contract is worth, or in which currency, leaves such a row, too.
    """

    contract = models.ForeignKey(
        "accounts.Contract",
        models.CASCADE,
        related_name="price_changes",
        db_index=False,  # the unique constraint begins with it
        verbose_name=_("contract"),
    )
    effective_on = models.DateField(_("in force from"))
    price = models.DecimalField(
        _("price"), max_digits=12, decimal_places=2, help_text=_("Net, per billing period.")
    )
    reason = models.CharField(_("reason"), max_length=14, choices=PriceChangeReason)
    announced_on = models.DateField(
        _("announced on"),
        null=True,
        blank=True,
        help_text=_("The day on which the customer was told."),
    )
    price_before = models.DecimalField(
        _("price before"), max_digits=12, decimal_places=2, null=True, editable=False
    )
    yearly_value_before = models.DecimalField(
        _("yearly value before"), max_digits=16, decimal_places=4, null=True, editable=False
    )
    currency_before = models.CharField(
        _("currency before"), max_length=3, default="", db_default="", editable=False
    )
    applied_at = models.DateTimeField(_("applied"), null=True, editable=False)
    created_at = models.DateTimeField(_("entered"), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("entered by"),
    )

    class Meta:
        verbose_name = _("price change")
        verbose_name_plural = _("price changes")
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "effective_on"], name="price_change_once_per_day"
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="price_change_not_negative"),
            models.CheckConstraint(
                condition=Q(reason__in=PriceChangeReason.values), name="price_change_reason"
            ),
            models.CheckConstraint(
                condition=Q(
                    applied_at__isnull=True,
                    price_before__isnull=True,
                    yearly_value_before__isnull=True,
                    currency_before="",
                )
                | Q(
                    applied_at__isnull=False,
                    price_before__isnull=False,
                    yearly_value_before__isnull=False,
                    currency_before__regex=r"^[A-Z]{3}$",
                ),
                name="price_change_applied_keeps_what_was",
            ),
        ]
        indexes = [
            models.Index(
                fields=["effective_on", "id"],
                name="price_change_to_come",
                condition=Q(applied_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract_id}, {self.effective_on:%Y-%m-%d}"


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent())
class ExchangeRate(models.Model):
    """What one unit of a currency is worth in the reporting currency, from a day on."""

    currency = models.CharField(_("currency"), max_length=3)
    valid_from = models.DateField(_("valid from"))
    rate = models.DecimalField(
        _("rate"),
        max_digits=18,
        decimal_places=8,
        help_text=_("One unit is this much in the reporting currency."),
    )

    class Meta:
        verbose_name = _("exchange rate")
        verbose_name_plural = _("exchange rates")
        constraints = [
            models.UniqueConstraint(
                fields=["currency", "valid_from"],
                name="exchange_rate_once_per_day",
                violation_error_message=_("This currency has a rate of this day already."),
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"),
                name="exchange_rate_currency",
                violation_error_message=_("A currency is three capital letters, like USD."),
            ),
            models.CheckConstraint(
                condition=Q(rate__gt=0),
                name="exchange_rate_above_nothing",
                violation_error_message=_("A rate is above 0."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.currency}, {self.valid_from:%Y-%m-%d}"


class RevenueDay(models.Model):
    """A day whose figures are recorded; inserting it is the claim to record them.

    `accounts_valued_at` is set once all accounts have been brought up to date as of the day, which
    is only done while it is the last one that is over.
    """

    day = models.DateField(_("day"), primary_key=True)
    recorded_at = models.DateTimeField(_("recorded"))
    accounts_valued_at = models.DateTimeField(_("accounts valued"), null=True)

    class Meta:
        verbose_name = _("recorded day")
        verbose_name_plural = _("recorded days")

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"


class DailyRevenue(models.Model):
    """Recurring revenue of a brand on a day, in one of the currencies of its contracts."""

    day = models.ForeignKey(
        "accounts.RevenueDay",
        models.CASCADE,
        related_name="figures",
        db_index=False,  # the unique constraint begins with it
        verbose_name=_("day"),
    )
    brand = models.ForeignKey(
        "accounts.Brand",
        models.CASCADE,
        related_name="+",
        db_index=False,  # never asked for without days
        verbose_name=_("brand"),
    )
    currency = models.CharField(_("currency"), max_length=3)
    arr = models.DecimalField(_("ARR"), max_digits=20, decimal_places=4)
    arr_under_notice = models.DecimalField(_("ARR under notice"), max_digits=20, decimal_places=4)
    contracts = models.PositiveIntegerField(_("contracts"))
    accounts = models.PositiveIntegerField(_("accounts"))

    class Meta:
        verbose_name = _("revenue of a day")
        verbose_name_plural = _("revenue by day")
        constraints = [
            models.UniqueConstraint(
                fields=["day", "brand", "currency"], name="daily_revenue_once_per_currency"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day_id:%Y-%m-%d}, {self.currency}"
