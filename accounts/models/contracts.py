import pghistory
import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.enums import CONTRACT_TRANSITIONS, AfterTerm, ContractState
from accounts.querysets.contracts import ContractQuerySet
from accounts.sql.expressions import NoticeDeadline, YearlyValue


@pghistory.track(
    # Dates and states that the clock moves are computed; only what people edit is history.
    pghistory.UpdateEvent(
        row=pghistory.Old,
        condition=pghistory.AnyChange(
            "account",
            "product",
            "external_id",
            "concluded_on",
            "starts_on",
            "first_term_months",
            "after_term",
            "renewal_term_months",
            "notice_months",
            "notice_days",
            "ends_on",
            "price",
            "renewal_price",
            "tax_rate",
            "currency",
            "billing_period_months",
            "is_trial",
        ),
    ),
    pghistory.DeleteEvent(),
    exclude=[
        "yearly_value",
        "notice_deadline",
        "renewal_date",
        "term_months",
        "remind_on",
        "remind_step",
        "awaits_decision",
    ],
)
class Contract(models.Model):
    """One running subscription to a product.

    Terms are counted from `starts_on`: the first takes `first_term_months` (none: open-ended),
    then it renews by `renewal_term_months` or runs on without a term. `renewal_date`,
    `term_months`, `remind_on` and `remind_step` follow from that and from the reminder policies
    and are written by `accounts.sql` alone; days are days in the account's time zone.
    """

    brand = models.ForeignKey(
        "accounts.Brand",
        models.PROTECT,
        related_name="contracts",
        db_index=False,  # `contract_of_brand` begins with it
        verbose_name=_("brand"),
    )
    account = models.ForeignKey(
        "accounts.Account", models.CASCADE, related_name="contracts", verbose_name=_("account")
    )
    product = models.ForeignKey(
        "accounts.Product", models.PROTECT, related_name="contracts", verbose_name=_("product")
    )
    external_id = models.CharField(_("contract number"), max_length=64)
    state = models.CharField(_("state"), max_length=10, choices=ContractState)

    concluded_on = models.DateField(_("concluded on"))
    starts_on = models.DateField(_("starts on"))
    first_term_months = models.PositiveSmallIntegerField(
        _("first term (months)"), null=True, blank=True, help_text=_("Empty: open-ended.")
    )
    after_term = models.CharField(_("after the term"), max_length=10, choices=AfterTerm)
    renewal_term_months = models.PositiveSmallIntegerField(
        _("further terms (months)"), null=True, blank=True
    )
    notice_months = models.PositiveSmallIntegerField(_("notice (months)"), default=0)
    notice_days = models.PositiveSmallIntegerField(_("notice (further days)"), default=0)
    ends_on = models.DateField(
        _("last day"), null=True, blank=True, help_text=_("Empty: no end is known.")
    )

    price = models.DecimalField(
        _("price"), max_digits=12, decimal_places=2, help_text=_("Net, per billing period.")
    )
    renewal_price = models.DecimalField(
        _("price from the renewal date"),
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text=_("Empty: unchanged."),
    )
    tax_rate = models.DecimalField(_("tax (%)"), max_digits=5, decimal_places=2, default=0)
    currency = models.CharField(_("currency"), max_length=3)
    billing_period_months = models.PositiveSmallIntegerField(_("billing period (months)"))
    is_trial = models.BooleanField(
        _("trial"),
        default=False,
        db_default=False,
        help_text=_("Counts as nothing in ARR and MRR."),
    )
    yearly_value = models.GeneratedField(
        expression=YearlyValue(F("price"), F("billing_period_months")),
        output_field=models.DecimalField(max_digits=16, decimal_places=4),
        db_persist=True,
        verbose_name=_("yearly value"),
    )

    renewal_date = models.DateField(_("renewal date"), null=True, editable=False)
    term_months = models.PositiveSmallIntegerField(
        _("current term (months)"), null=True, editable=False
    )
    notice_deadline = models.GeneratedField(
        expression=NoticeDeadline(F("renewal_date"), F("notice_months"), F("notice_days")),
        output_field=models.DateField(null=True),
        db_persist=True,
        verbose_name=_("notice deadline"),
    )
    remind_on = models.DateField(
        _("remind on"),
        null=True,
        editable=False,
        help_text=_("The day of the next reminder that is still to be decided."),
    )
    remind_step = models.PositiveSmallIntegerField(
        _("step of the next reminder"), null=True, editable=False
    )
    # Written by the cancellation services, with the cancellation: what the lists, the reminders
    # and the clock ask of every contract has to stand in its own row.
    awaits_decision = models.BooleanField(
        _("last day to be decided"),
        default=False,
        db_default=False,
        editable=False,
        help_text=_("It is cancelled, and an agent has to decide the last day."),
    )

    objects = ContractQuerySet.as_manager()

    class Meta:
        verbose_name = _("contract")
        verbose_name_plural = _("contracts")
        constraints = [
            models.UniqueConstraint(
                fields=["external_id", "brand"],
                name="contract_external_id_once_per_brand",
                violation_error_message=_("This brand already has a contract of this number."),
            ),
            models.CheckConstraint(condition=~Q(external_id=""), name="contract_has_external_id"),
            models.CheckConstraint(
                condition=Q(state__in=ContractState.values), name="contract_state"
            ),
            models.CheckConstraint(
                condition=Q(
                    after_term=AfterTerm.RENEWS,
                    first_term_months__gte=1,
                    first_term_months__lte=120,
                    renewal_term_months__gte=1,
                    renewal_term_months__lte=120,
                )
                | Q(after_term=AfterTerm.OPEN_ENDED, renewal_term_months__isnull=True)
                & (
                    Q(first_term_months__isnull=True)
                    | Q(first_term_months__gte=1, first_term_months__lte=120)
                ),
                name="contract_terms_fit",
                violation_error_message=_(
                    "A renewing contract needs a first and a further term of 1 to 120 months; "
                    "one that runs on without a term has no further term."
                ),
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="contract_ends_after_start",
                violation_error_message=_("The last day lies before the start."),
            ),
            models.CheckConstraint(
                condition=~Q(state=ContractState.ENDED) | Q(ends_on__isnull=False),
                name="contract_ended_has_last_day",
            ),
            models.CheckConstraint(condition=Q(price__gte=0), name="contract_price_not_negative"),
            models.CheckConstraint(
                condition=Q(renewal_price__isnull=True) | Q(renewal_price__gte=0),
                name="contract_renewal_price_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(tax_rate__gte=0, tax_rate__lt=100), name="contract_tax_rate"
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="contract_currency"
            ),
            models.CheckConstraint(
                condition=Q(billing_period_months__gte=1, billing_period_months__lte=60),
                name="contract_billing_period",
            ),
            models.CheckConstraint(
                condition=Q(notice_months__lte=24, notice_days__lte=366), name="contract_notice"
            ),
            models.CheckConstraint(
                condition=Q(renewal_date__isnull=True) | Q(term_months__isnull=False),
                name="contract_renewal_date_has_term",
            ),
            models.CheckConstraint(
                condition=Q(remind_on__isnull=True, remind_step__isnull=True)
                | Q(remind_on__isnull=False, remind_step__isnull=False),
                name="contract_reminder_day_has_step",
            ),
        ]
        indexes = [
            # Pages of one brand, in the order of ids.
            models.Index(fields=["brand", "id"], name="contract_of_brand"),
            # The daily plan: what is to be reminded of, oldest first.
            models.Index(
                fields=["remind_on", "id"],
                name="contract_to_remind",
                condition=Q(remind_on__isnull=False),
            ),
            # What the clock moves: starts, renewals, ends.
            models.Index(
                fields=["renewal_date", "id"],
                name="contract_to_renew",
                condition=Q(state=ContractState.RUNNING),
            ),
            models.Index(
                fields=["starts_on"],
                name="contract_to_start",
                condition=Q(state=ContractState.ORDERED),
            ),
            # Which periods of notice there are: few, each found by one step into it.
            models.Index(fields=["notice_months", "notice_days"], name="contract_by_notice"),
            # What ends, and before it what is cancelled without a last day: the list of both, too.
            models.Index(
                F("ends_on").asc(nulls_first=True),
                F("id").asc(),
                name="contract_under_notice",
                condition=Q(state=ContractState.RUNNING)
                & (Q(ends_on__isnull=False) | Q(awaits_decision=True)),
            ),
        ]
        triggers = [
            pgtrigger.FSM(
                name="contract_state_moves",
                field="state",
                transitions=[(before.value, after.value) for before, after in CONTRACT_TRANSITIONS],
                condition=pgtrigger.AnyChange("state"),
            )
        ]

    def __str__(self) -> str:
        return self.external_id
