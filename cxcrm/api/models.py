from datetime import datetime

import pghistory
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from cxcrm.api.enums import SCOPES, KeyState
from cxcrm.api.querysets import ApiKeyQuerySet
from cxcrm.base.scopes import ResourceGroup, Verb

REQUESTS_PER_MINUTE = 600
MOST_REQUESTS_PER_MINUTE = 60_000


@pghistory.track(
    pghistory.InsertEvent(),
    pghistory.UpdateEvent(
        row=pghistory.Old,
        condition=pghistory.AnyChange(
            "name",
            "scopes",
            "covers_all_brands",
            "networks",
            "requests_per_minute",
            "expires_at",
            "revoked_at",
        ),
    ),
    exclude=["secret_sha256", "last_used_at", "last_used_from"],
)
class ApiKey(models.Model):
    """What an integration signs its requests with. The secret itself is shown once and stands
    nowhere: it is 32 random bytes, of which a plain hash tells nothing.

    Whatever a key does is noted as done by `user`, a login that nobody can sign in with.
    """

    name = models.CharField(
        _("name"), max_length=100, help_text=_("Which system uses it, like billing.")
    )
    prefix = models.CharField(
        _("begins with"),
        max_length=12,
        unique=True,
        editable=False,
        help_text=_("The part of the key that is no secret: it tells keys apart."),
    )
    secret_sha256 = models.CharField(max_length=64, editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        related_name="api_keys",
        editable=False,
        verbose_name=_("acts as"),
    )
    scopes = ArrayField(
        models.CharField(max_length=20, choices=[(scope, scope) for scope in SCOPES]),
        verbose_name=_("scopes"),
    )
    covers_all_brands = models.BooleanField(
        _("all brands"), default=False, help_text=_("Also those that are still to come.")
    )
    brands = models.ManyToManyField(
        "accounts.Brand", blank=True, related_name="+", verbose_name=_("brands")
    )
    networks = ArrayField(
        models.CharField(max_length=43),
        default=list,
        blank=True,
        verbose_name=_("addresses"),
        help_text=_("From which it may come, as 192.0.2.7 or 192.0.2.0/24. Empty: from anywhere."),
    )
    requests_per_minute = models.PositiveIntegerField(
        _("requests per minute"),
        default=REQUESTS_PER_MINUTE,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_REQUESTS_PER_MINUTE)],
    )
    expires_at = models.DateTimeField(
        _("valid until"), null=True, blank=True, help_text=_("Empty: until it is revoked.")
    )
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)
    # The key that it was replaced by, where it was; both act as the same user.
    replaced_by = models.OneToOneField(
        "self",
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="replaces",
        verbose_name=_("replaced by"),
    )
    created_at = models.DateTimeField(_("made"), editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("made by"),
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    last_used_from = models.GenericIPAddressField(_("from"), null=True, editable=False)

    objects = ApiKeyQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scopes__contained_by=SCOPES), name="api_key_scopes"
            ),
            models.CheckConstraint(
                condition=models.Q(
                    requests_per_minute__gte=1, requests_per_minute__lte=MOST_REQUESTS_PER_MINUTE
                ),
                name="api_key_requests_per_minute",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    def state_at(self, at: datetime) -> KeyState:
        if self.revoked_at is not None:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= at:
            return KeyState.EXPIRED
        return KeyState.LIVE

    @property
    def may_change(self) -> bool:
        """An expired one may be prolonged; one that was revoked or replaced stays as it is."""
        return self.revoked_at is None and self.replaced_by_id is None

    # --- `cxcrm.base.scopes.Credential`

    @property
    def name_in_limits(self) -> str:
        # Not the id: a restored database gives ids again.
        return f"key {self.prefix}"

    def may(self, verb: Verb, group: ResourceGroup) -> bool:
        """Whoever writes reads: what is written is answered whole."""
        verbs = {verb, Verb.WRITE} if verb == Verb.READ else {verb}
        return any(f"{group}:{each}" in self.scopes for each in verbs)

    @property
    def brand_ids(self) -> list[int] | None:
        """`limited_to` is loaded with the key by `services.keys`."""
        return None if self.covers_all_brands else self.limited_to


@pghistory.track(pghistory.InsertEvent(), pghistory.DeleteEvent(), obj_field=None)
class KeyBrand(ApiKey.brands.through):
    """The audit of which brands a key was limited to."""

    class Meta:
        proxy = True


class KeyUse(models.Model):
    """How often a key was used in an hour: the audit of its use, and the chart on its page."""

    key = models.ForeignKey(
        ApiKey, models.CASCADE, related_name="uses", db_index=False, verbose_name=_("API key")
    )
    hour = models.DateTimeField(_("hour"))
    reads = models.PositiveIntegerField(_("read"), db_default=0)
    writes = models.PositiveIntegerField(_("written"), db_default=0)
    refused = models.PositiveIntegerField(_("refused"), db_default=0)

    class Meta:
        verbose_name = _("use of a key")
        verbose_name_plural = _("uses of keys")
        constraints = [
            models.UniqueConstraint(fields=["key", "hour"], name="key_use_once_per_hour")
        ]

    def __str__(self) -> str:
        return f"{self.key_id}, {self.hour:%Y-%m-%d %H}"
