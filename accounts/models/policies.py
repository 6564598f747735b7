import pghistory
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from django_countries.fields import CountryField

from accounts.enums import CustomerKind, StepAnchor
from accounts.querysets.policies import ReminderPolicyQuerySet

MOST_STEPS = 9


class _DateRange(Func):
    function = "daterange"
    output_field = DateRangeField()


@pghistory.track(
    pghistory.UpdateEvent(
        row=pghistory.Old,
        condition=pghistory.AnyChange(exclude=["followed_at", "followed_up_to"]),
    ),
    exclude=["followed_at", "followed_up_to"],
)
class ReminderPolicy(models.Model):
    """When customers are reminded of renewals: a list of steps for those whom it is about.

    What is left empty matches everything. Of several policies that match, the one that names more
    holds; of those that name equally much, country goes before customer kind, product family and
    brand. It holds for renewal dates within its days, so that a change made early enough makes
    nobody late. Written by the policy services; it is ended, never deleted.
    """

    name = models.CharField(_("name"), max_length=100, unique=True)
    brand = models.ForeignKey(
        "accounts.Brand",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reminder_policies",
        verbose_name=_("brand"),
        help_text=_("Empty: all brands."),
    )
    country = CountryField(_("country"), blank=True, help_text=_("Empty: all countries."))
    region = models.CharField(
        _("region"),
        max_length=3,
        blank=True,
        help_text=_("ISO 3166-2, without the country: CA. Empty: the whole country."),
    )
    customer_kind = models.CharField(
        _("customer kind"), max_length=10, choices=CustomerKind, blank=True
    )
    product_family = models.CharField(
        _("product family"), max_length=40, blank=True, help_text=_("Empty: all products.")
    )
    min_term_days = models.PositiveSmallIntegerField(
        _("shortest term (days)"),
        default=90,
        help_text=_("Twelve months count as 365 days, three as 91."),
    )
    first_term_only = models.BooleanField(_("first term only"), default=False)
    missed_window_frees = models.BooleanField(
        _("a missed window frees the customer"),
        default=False,
        help_text=_(
            "By law the customer may then leave at any time: the mail names no last day to cancel."
        ),
    )
    effective_from = models.DateField(
        _("renewal dates from"), null=True, blank=True, help_text=_("Empty: all until then.")
    )
    effective_until = models.DateField(
        _("renewal dates until"), null=True, blank=True, help_text=_("Empty: until further notice.")
    )
    followed_at = models.DateTimeField(
        _("followed"),
        null=True,
        editable=False,
        help_text=_("When the contracts' reminder days were last brought in line with it."),
    )
    followed_up_to = models.BigIntegerField(
        _("followed up to"),
        default=0,
        editable=False,
        help_text=_("The contract up to which they are, while that goes on."),
    )

    objects = ReminderPolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("reminder policy")
        verbose_name_plural = _("reminder policies")
        constraints = [
            models.CheckConstraint(
                condition=Q(customer_kind__in=["", *CustomerKind.values]),
                name="reminder_policy_customer_kind",
            ),
            models.CheckConstraint(
                condition=Q(region="") | ~Q(country=""),
                name="reminder_policy_region_has_country",
                violation_error_message=_("A region needs its country."),
            ),
            models.CheckConstraint(
                condition=Q(effective_until__isnull=True)
                | Q(effective_from__isnull=True)
                | Q(effective_until__gte=F("effective_from")),
                name="reminder_policy_ends_after_start",
                violation_error_message=_("It ends before it begins."),
            ),
            ExclusionConstraint(
                name="reminder_policy_once_per_day",
                expressions=[
                    # By its name: validation knows nothing of `brand_id`.
                    (
                        Coalesce("brand", Value(0), output_field=models.BigIntegerField()),
                        RangeOperators.EQUAL,
                    ),
                    ("country", RangeOperators.EQUAL),
                    ("region", RangeOperators.EQUAL),
                    ("customer_kind", RangeOperators.EQUAL),
                    ("product_family", RangeOperators.EQUAL),
                    (
                        _DateRange("effective_from", "effective_until", Value("[]")),
                        RangeOperators.OVERLAPS,
                    ),
                ],
                violation_error_message=_(
                    "Another policy is about the same customers on some of these days."
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.name


@pghistory.track(
    # Steps come and go with a change of their policy: each is one.
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(row=pghistory.Old),
    pghistory.DeleteEvent(),
)
class ReminderPolicyStep(models.Model):
    """One reminder of a policy: on which day it goes, and between which days it has to.

    The day is `days_before` the anchor, negative: after it. Where that leaves fewer than
    `least_days_to_decide` to the last day to cancel, it goes earlier; empty: it does not look at
    that day. The window goes before all. A step after the renewal date tells those whose contract
    has ended with its term.
    """

    policy = models.ForeignKey(
        "accounts.ReminderPolicy",
        models.CASCADE,
        related_name="steps",
        db_index=False,  # the unique constraint begins with it
        verbose_name=_("policy"),
    )
    number = models.PositiveSmallIntegerField(_("reminder step"))
    anchor = models.CharField(
        _("counted from"), max_length=20, choices=StepAnchor, default=StepAnchor.RENEWAL_DATE
    )
    days_before = models.SmallIntegerField(
        _("days before"), help_text=_("Below 0: so many days after it.")
    )
    least_days_to_decide = models.PositiveSmallIntegerField(
        _("least days to decide"),
        null=True,
        blank=True,
        help_text=_("So many days remain to the last day to cancel. Empty: it is not looked at."),
    )
    earliest_months = models.PositiveSmallIntegerField(
        _("not earlier than (months before)"), null=True, blank=True
    )
    earliest_days = models.PositiveSmallIntegerField(
        _("not earlier than (days before)"), null=True, blank=True
    )
    latest_months = models.PositiveSmallIntegerField(
        _("not later than (months before)"), null=True, blank=True
    )
    latest_days = models.PositiveSmallIntegerField(
        _("not later than (days before)"), null=True, blank=True
    )

    class Meta:
        verbose_name = _("step")
        verbose_name_plural = _("steps")
        constraints = [
            models.UniqueConstraint(fields=["policy", "number"], name="reminder_step_once"),
            models.CheckConstraint(
                condition=Q(anchor__in=StepAnchor.values), name="reminder_step_anchor"
            ),
            models.CheckConstraint(
                condition=Q(number__gte=1, number__lte=MOST_STEPS), name="reminder_step_number"
            ),
            models.CheckConstraint(
                condition=Q(days_before__gte=-30, days_before__lte=366),
                name="reminder_step_days",
                violation_error_message=_("From 366 days before to 30 days after."),
            ),
            models.CheckConstraint(
                condition=Q(days_before__gte=0)
                | Q(anchor=StepAnchor.RENEWAL_DATE, least_days_to_decide__isnull=True),
                name="reminder_step_after_the_renewal",
                violation_error_message=_(
                    "A step after the renewal date counts from it and leaves nothing to decide."
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id}: {self.number}"

    @property
    def is_deciding(self) -> bool:
        """Is it for those who have to decide, and too late after the last day to cancel?"""
        return self.least_days_to_decide is not None or self.anchor == StepAnchor.NOTICE_DEADLINE
