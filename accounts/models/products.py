import pghistory
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.enums import AfterTerm

_TERMS_OF_AN_OFFER = Q(
    after_term=AfterTerm.RENEWS,
    first_term_months__isnull=False,
    renewal_term_months__isnull=False,
) | Q(after_term=AfterTerm.OPEN_ENDED, renewal_term_months__isnull=True)


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent())
class Product(models.Model):
    """What a brand sells; while it is on offer with its list price and all its terms."""

    brand = models.ForeignKey(
        "accounts.Brand", models.PROTECT, related_name="products", verbose_name=_("brand")
    )
    code = models.CharField(_("code"), max_length=64)
    name = models.CharField(_("name"), max_length=200)
    family = models.CharField(
        _("family"), max_length=40, help_text=_("Like hosting, domain, mail, server.")
    )

    on_offer = models.BooleanField(
        _("on offer"),
        default=False,
        db_default=False,
        help_text=_("New contracts may be made; all below is said."),
    )
    list_price = models.DecimalField(
        _("list price"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Net, per billing period."),
    )
    promotion_price = models.DecimalField(
        _("price in the promotion"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Net, per billing period, for the first months."),
    )
    promotion_months = models.PositiveSmallIntegerField(
        _("promotion (months)"), null=True, blank=True
    )
    tax_rate = models.DecimalField(
        _("tax (%)"), max_digits=5, decimal_places=2, null=True, blank=True
    )
    currency = models.CharField(_("currency"), max_length=3, blank=True, default="", db_default="")
    billing_period_months = models.PositiveSmallIntegerField(
        _("billing period (months)"), null=True, blank=True
    )
    first_term_months = models.PositiveSmallIntegerField(
        _("first term (months)"), null=True, blank=True, help_text=_("Empty: open-ended.")
    )
    after_term = models.CharField(
        _("after the term"), max_length=10, choices=AfterTerm, blank=True, default="", db_default=""
    )
    renewal_term_months = models.PositiveSmallIntegerField(
        _("further terms (months)"), null=True, blank=True
    )
    notice_months = models.PositiveSmallIntegerField(_("notice (months)"), null=True, blank=True)
    notice_days = models.PositiveSmallIntegerField(
        _("notice (further days)"), null=True, blank=True
    )
    provisioning_hours = models.PositiveSmallIntegerField(
        _("provisioning time (hours)"),
        null=True,
        blank=True,
        help_text=_("Promised to the customer: from the order until it works."),
    )

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")
        constraints = [
            models.UniqueConstraint(fields=["brand", "code"], name="product_code_once_per_brand"),
            # `accounts.rules.offers` says the same with a reason for each field.
            models.CheckConstraint(
                condition=Q(on_offer=False)
                | (
                    Q(
                        list_price__isnull=False,
                        tax_rate__isnull=False,
                        currency__regex=r"^[A-Z]{3}$",
                        billing_period_months__isnull=False,
                        notice_months__isnull=False,
                        notice_days__isnull=False,
                        provisioning_hours__isnull=False,
                    )
                    & _TERMS_OF_AN_OFFER
                ),
                name="product_offer_is_complete",
            ),
            models.CheckConstraint(
                condition=Q(promotion_price__isnull=True, promotion_months__isnull=True)
                | Q(promotion_price__isnull=False, promotion_months__isnull=False),
                name="product_promotion_has_price_and_months",
            ),
            models.CheckConstraint(
                condition=(Q(list_price__isnull=True) | Q(list_price__gte=0))
                & (Q(promotion_price__isnull=True) | Q(promotion_price__gte=0)),
                name="product_prices_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.name
