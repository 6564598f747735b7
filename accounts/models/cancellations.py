import pghistory
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.enums import CancellationKind, CancellationOrigin
from accounts.querysets.cancellations import CancellationQuerySet


@pghistory.track(pghistory.UpdateEvent(row=pghistory.Old), pghistory.DeleteEvent())
class CancellationReason(models.Model):
    """Why customers leave: the catalogue that agents, and later customers, choose from."""

    code = models.SlugField(_("code"), unique=True)
    name_en = models.CharField(_("name, English"), max_length=100)
    name_de = models.CharField(_("name, German"), max_length=100)
    name_fr = models.CharField(_("name, French"), max_length=100)
    name_es = models.CharField(_("name, Spanish"), max_length=100)
    is_offered = models.BooleanField(
        _("offered"), default=True, help_text=_("Off: kept for what was said before.")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("cancellation reason")
        verbose_name_plural = _("cancellation reasons")

    def __str__(self) -> str:
        return getattr(self, self.name_field())

    @classmethod
    def name_field(cls) -> str:
        """The field that holds the name in the active language."""
        wanted = f"name_{(get_language() or 'en')[:2]}"
        return wanted if wanted in {field.name for field in cls._meta.fields} else "name_en"


@pghistory.track(
    pghistory.UpdateEvent(row=pghistory.Old),
    pghistory.DeleteEvent(),
    # Grows by what is confirmed and never changes.
    exclude=["receipt"],
)
class Cancellation(models.Model):
    """A customer's declaration that a contract shall end; kept when it is taken back, too.

    Written by the cancellation services only. While it stands, the contract's `ends_on` is its
    effective day; without one an agent still has to decide it.
    """

    contract = models.ForeignKey(
        "accounts.Contract",
        models.CASCADE,
        related_name="cancellations",
        verbose_name=_("contract"),
    )
    kind = models.CharField(_("kind"), max_length=13, choices=CancellationKind)
    origin = models.CharField(_("received by"), max_length=10, choices=CancellationOrigin)
    received_at = models.DateTimeField(_("received"))
    wished_on = models.DateField(
        _("wished last day"), null=True, blank=True, help_text=_("Empty: as soon as possible.")
    )
    effective_on = models.DateField(
        _("last day"), null=True, blank=True, help_text=_("Empty: still to be decided.")
    )
    ends_on_before = models.DateField(
        _("last day before"),
        null=True,
        editable=False,
        help_text=_("The end that the contract had already; it is back when this is taken back."),
    )
    reason = models.ForeignKey(
        "accounts.CancellationReason",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="cancellations",
        verbose_name=_("reason"),
    )
    comment = models.TextField(_("comment"), blank=True)
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("entered by"),
    )
    entered_at = models.DateTimeField(_("entered"))
    receipt = models.JSONField(
        _("receipt"),
        default=dict,
        help_text=_("What was confirmed to the customer, as it was then."),
    )
    taken_back_at = models.DateTimeField(_("taken back"), null=True, blank=True)
    taken_back_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("taken back by"),
    )

    objects = CancellationQuerySet.as_manager()

    class Meta:
        verbose_name = _("cancellation")
        verbose_name_plural = _("cancellations")
        constraints = [
            models.UniqueConstraint(
                fields=["contract"],
                condition=Q(taken_back_at__isnull=True),
                name="cancellation_one_standing_per_contract",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=CancellationKind.values), name="cancellation_kind"
            ),
            models.CheckConstraint(
                condition=Q(effective_on__isnull=False)
                | Q(kind__in=[CancellationKind.EXTRAORDINARY, CancellationKind.SWITCH]),
                name="cancellation_only_some_are_decided_later",
            ),
        ]
        indexes = [
            # Those that wait for an agent's decision.
            models.Index(
                fields=["received_at", "id"],
                name="cancellation_to_decide",
                condition=Q(effective_on__isnull=True, taken_back_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.received_at:%Y-%m-%d}"

    @property
    def stands(self) -> bool:
        return self.taken_back_at is None
