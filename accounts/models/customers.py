from decimal import Decimal

import pghistory
from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from accounts.enums import ContactRole, CustomerKind, Segment
from accounts.querysets.customers import AccountQuerySet, ContactQuerySet
from accounts.sql.expressions import is_time_zone
from cxcrm.base.time_zones import validate_time_zone
from cxcrm.users.enums import Language

REGION = r"[A-Z0-9]{1,3}"


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent())
class Brand(models.Model):
    """A business under its own name: what its customers see in mails and on pages."""

    code = models.SlugField(_("code"), unique=True, help_text=_("Short name used in feeds."))
    name = models.CharField(_("name"), max_length=100, unique=True)
    legal_name = models.CharField(_("legal name"), max_length=200)
    imprint = models.TextField(
        _("imprint"), help_text=_("Postal address and register entry, shown below every mail.")
    )
    base_url = models.URLField(_("web address"))
    sender_name = models.CharField(_("sender name"), max_length=100)
    sender_address = models.EmailField(_("sender address"))
    service_address = models.EmailField(
        _("service address"), help_text=_("Where customers write to; answers to mails go here.")
    )
    service_phone = models.CharField(_("service phone"), max_length=40, blank=True)
    accent_colour = models.CharField(
        _("accent colour"),
        max_length=7,
        default="#1d4ed8",
        validators=[RegexValidator(r"^#[0-9a-f]{6}$", _("Like #1d4ed8, in lower case."))],
    )

    class Meta:
        verbose_name = _("brand")
        verbose_name_plural = _("brands")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(accent_colour__regex=r"^#[0-9a-f]{6}$"),
                name="brand_accent_colour_is_hex",
            )
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track(
    # What the nightly figures write is no history.
    pghistory.UpdateEvent(
        row=pghistory.Old,
        condition=pghistory.AnyChange(
            "brand",
            "external_id",
            "name",
            "customer_kind",
            "segment",
            "country",
            "region",
            "language",
            "time_zone",
            "account_manager",
        ),
    ),
    pghistory.DeleteEvent(),
    exclude=["arr", "is_high_value", "lost_on", "lost_arr"],
)
class Account(models.Model):
    """A customer: a company or a person that holds contracts with one brand."""

    brand = models.ForeignKey(
        "accounts.Brand",
        models.PROTECT,
        related_name="accounts",
        db_index=False,  # `account_of_brand` begins with it
        verbose_name=_("brand"),
    )
    external_id = models.CharField(
        _("customer number"), max_length=64, help_text=_("The number in the company's own systems.")
    )
    name = models.CharField(_("name"), max_length=200)
    customer_kind = models.CharField(_("customer kind"), max_length=10, choices=CustomerKind)
    segment = models.CharField(_("segment"), max_length=10, choices=Segment, blank=True)
    country = CountryField(_("country"))
    region = models.CharField(
        _("region"),
        max_length=3,
        blank=True,
        # Reminder policies compare it as it is written.
        validators=[RegexValidator(rf"^{REGION}\Z", _("Like CA, in capital letters."))],
        help_text=_("ISO 3166-2, without the country: CA."),
    )
    language = models.CharField(_("language"), max_length=2, choices=Language)
    time_zone = models.CharField(_("time zone"), max_length=64, validators=[validate_time_zone])
    account_manager = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        limit_choices_to={"is_staff": True},
        related_name="managed_accounts",
        verbose_name=_("account manager"),
    )
    created_at = models.DateTimeField(_("added"), editable=False)

    # In the reporting currency; kept by `accounts.sql.revenue` and `accounts.sql.lost_accounts`.
    arr = models.DecimalField(
        _("ARR"), max_digits=18, decimal_places=4, db_default=Decimal(0), editable=False
    )
    is_high_value = models.BooleanField(_("high value"), db_default=False, editable=False)
    lost_on = models.DateField(
        _("lost on"),
        null=True,
        editable=False,
        help_text=_("Last day of the last contract, where none is left."),
    )
    lost_arr = models.DecimalField(
        _("lost ARR"), max_digits=18, decimal_places=4, null=True, editable=False
    )

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["external_id", "brand"],
                name="account_external_id_once_per_brand",
                violation_error_message=_("This brand already has an account of this number."),
            ),
            models.CheckConstraint(
                condition=~models.Q(external_id=""), name="account_has_external_id"
            ),
            # A zone that PostgreSQL does not know would stop every statement over all accounts.
            models.CheckConstraint(condition=is_time_zone("time_zone"), name="account_time_zone"),
            models.CheckConstraint(
                condition=models.Q(customer_kind__in=CustomerKind.values),
                name="account_customer_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(language__in=Language.values), name="account_language"
            ),
        ]
        indexes = [
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="account_name_trigrams"),
            # Pages of one brand, in the order of ids.
            models.Index(fields=["brand", "id"], name="account_of_brand"),
            # What is new, for those who ask again and again.
            models.Index(fields=["created_at"], name="account_by_time"),
            # The win-back list: by day and by money.
            models.Index(
                fields=["-lost_on", "-id"],
                name="account_lost",
                condition=models.Q(lost_on__isnull=False),
            ),
            models.Index(
                F("lost_arr").desc(nulls_last=True),
                F("id").desc(),
                name="account_lost_by_money",
                condition=models.Q(lost_on__isnull=False),
            ),
            models.Index(
                fields=["-arr", "-id"],
                name="account_of_high_value",
                condition=models.Q(is_high_value=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.external_id})"


class LostAccount(Account):
    """An account whose last contract has ended: a row of the win-back list."""

    class Meta:
        proxy = True
        verbose_name = _("lost account")
        verbose_name_plural = _("lost accounts")


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent())
class Contact(models.Model):
    """A person at an account. Mails go to contacts, by their address in the outbox."""

    account = models.ForeignKey(
        "accounts.Account", models.CASCADE, related_name="contacts", verbose_name=_("account")
    )
    external_id = models.CharField(_("contact number"), max_length=64, blank=True)
    name = models.CharField(_("name"), max_length=200)
    role = models.CharField(_("role"), max_length=20, choices=ContactRole)
    # An address may belong to several contacts; it is never deleted while one carries it.
    address = models.ForeignKey(
        "outbox.MailAddress",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="contacts",
        verbose_name=_("mail address"),
    )
    phone = models.CharField(
        _("phone"),
        max_length=16,
        blank=True,
        validators=[RegexValidator(r"^\+[1-9][0-9]{6,14}$", _("Like +49721123456."))],
    )
    language = models.CharField(
        _("language"),
        max_length=2,
        choices=Language,
        blank=True,
        help_text=_("Left empty: the account's."),
    )
    may_decide = models.BooleanField(
        _("may decide"),
        null=True,
        blank=True,
        help_text=_("Left open: decision makers, billing, or the only contact."),
    )

    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        constraints = [
            models.UniqueConstraint(
                # The number first: it is asked for alone, too.
                fields=["external_id", "account"],
                condition=~models.Q(external_id=""),
                name="contact_external_id_once_per_account",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=ContactRole.values), name="contact_role"
            ),
            models.CheckConstraint(
                condition=models.Q(language__in=["", *Language.values]), name="contact_language"
            ),
            models.CheckConstraint(
                condition=models.Q(phone="") | models.Q(phone__regex=r"^\+[1-9][0-9]{6,14}$"),
                name="contact_phone_is_e164",
            ),
        ]
        indexes = [
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="contact_name_trigrams"),
        ]

    def __str__(self) -> str:
        return self.name
