from django.db.models import IntegerChoices, TextChoices
from django.utils.translation import gettext_lazy as _


class CustomerKind(TextChoices):
    CONSUMER = "consumer", _("Consumer")
    BUSINESS = "business", _("Business")


class Segment(TextChoices):
    MICRO = "micro", _("Micro")
    SMALL = "small", _("Small")
    MEDIUM = "medium", _("Medium")
    LARGE = "large", _("Large")


class ContactRole(TextChoices):
    DECISION_MAKER = "decision_maker", _("Decision maker")
    INFLUENCER = "influencer", _("Influencer")
    END_USER = "end_user", _("End user")
    BILLING = "billing", _("Billing")
    TECHNICAL = "technical", _("Technical")


class ContractState(TextChoices):
    ORDERED = "ordered", _("Ordered")
    RUNNING = "running", _("Running")
    ENDED = "ended", _("Ended")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class AfterTerm(TextChoices):
    """What happens on the renewal date if nobody gives notice."""

    RENEWS = "renews", _("Renews for a further term")
    OPEN_ENDED = "open_ended", _("Runs on without a fixed term")


class ReminderState(TextChoices):
    PLANNED = "planned", _("Mail planned")
    HELD = "held", _("Held: late after import")
    DONE_BEFORE = "done_before", _("Reminded before the import")
    TOO_LATE = "too_late", _("Too late: task opened")
    NOBODY = "nobody", _("Nobody to write to: task opened")
    UNDELIVERED = "undelivered", _("Mail not delivered: task opened")


class ReminderStep(IntegerChoices):
    """Which of a policy's reminders this is; the default policy has one."""

    FIRST = 1, _("First reminder")


class TaskState(TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Done")


class TaskPool(TextChoices):
    SERVICE = "service", _("Service")
    RETENTION = "retention", _("Retention")
    BILLING = "billing", _("Billing")


class TaskOrigin(TextChoices):
    BY_HAND = "by_hand", _("Opened by hand")
    REMINDER_TOO_LATE = "reminder_too_late", _("Renewal reminder came too late")
    REMINDER_NOBODY = "reminder_nobody", _("Nobody to send the renewal reminder to")
    REMINDER_NOT_DELIVERED = "reminder_not_delivered", _("Renewal reminder was not delivered")


class TimelineKind(TextChoices):
    ACCOUNT_ADDED = "account_added", _("Account added")
    CONTRACT_ADDED = "contract_added", _("Contract added")
    CONTRACT_STARTED = "contract_started", _("Contract started")
    CONTRACT_RENEWED = "contract_renewed", _("Contract renewed")
    CONTRACT_TURNED_OPEN_ENDED = "contract_turned_open_ended", _("Contract runs on without a term")
    CONTRACT_END_SET = "contract_end_set", _("End of contract set")
    CONTRACT_END_TAKEN_BACK = "contract_end_taken_back", _("End of contract taken back")
    CONTRACT_ENDED = "contract_ended", _("Contract ended")
    TASK_OPENED = "task_opened", _("Task opened")
    TASK_DONE = "task_done", _("Task done")


class ImportState(TextChoices):
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    REFUSED = "refused", _("Refused")
    DRY_RUN = "dry_run", _("Dry run")
