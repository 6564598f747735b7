from django.db import models
from django.utils.translation import gettext_lazy as _


class DayReached(models.Model):
    """The day that the demo company has lived up to, today or later. There is one row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    day = models.DateField(_("day"))

    class Meta:
        verbose_name = _("day reached")
        verbose_name_plural = _("days reached")
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="demo_lives_on_one_day"),
        ]

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"
