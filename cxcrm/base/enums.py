from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class JobState(TextChoices):
    WAITING = "waiting", _("Being worked off")
    DONE = "done", _("Done")
    STOPPED = "stopped", _("Stopped by an error")


class ProcessKind(TextChoices):
    WORKER = "worker", _("Worker")
    BEAT = "beat", _("Beat")
