from enum import nonmember

from django.db.models import TextChoices
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

    LIVING = nonmember(("ordered", "running"))


# Every move of a contract from one state to another that there is; the database refuses the rest.
CONTRACT_TRANSITIONS: dict[tuple[str, str], str] = {
    (ContractState.ORDERED, ContractState.RUNNING): "its first day has come",
    (ContractState.RUNNING, ContractState.ENDED): "its last day is over",
    (ContractState.ORDERED, ContractState.WITHDRAWN): "a consumer withdrew",
    (ContractState.RUNNING, ContractState.WITHDRAWN): "a consumer withdrew",
    (ContractState.WITHDRAWN, ContractState.ORDERED): "the withdrawal was taken back that day",
    (ContractState.WITHDRAWN, ContractState.RUNNING): "the withdrawal was taken back that day",
    (ContractState.ORDERED, ContractState.ENDED): "a feed brought other dates",
    (ContractState.RUNNING, ContractState.ORDERED): "a feed brought other dates",
    (ContractState.ENDED, ContractState.RUNNING): "a feed brought other dates",
    (ContractState.ENDED, ContractState.ORDERED): "a feed brought other dates",
}


class AfterTerm(TextChoices):
    """What happens on the renewal date if nobody gives notice."""

    RENEWS = "renews", _("Renews for a further term")
    OPEN_ENDED = "open_ended", _("Runs on without a fixed term")


class CancellationKind(TextChoices):
    ORDINARY = "ordinary", _("Ordinary notice")
    EXTRAORDINARY = "extraordinary", _("Extraordinary notice")
    SWITCH = "switch", _("Switch of provider")
    WITHDRAWAL = "withdrawal", _("Withdrawal")


class CancellationOrigin(TextChoices):
    """Through which door a cancellation came in."""

    AGENT = "agent", _("Agent")
    FEED = "feed", _("Feed")
    CUSTOMER = "customer", _("Customer")
    INTEGRATION = "api", _("Integration")


class PriceChangeReason(TextChoices):
    ANNOUNCED = "announced", _("Announced price change")
    PROMOTION_ENDS = "promotion_ends", _("End of the promotion")
    RENEWAL = "renewal", _("Renewal")
    FEED = "feed", _("Feed")


class ReminderState(TextChoices):
    PLANNED = "planned", _("Mail planned")
    HELD = "held", _("Held: to be decided")
    DISMISSED = "dismissed", _("Dismissed: not to be sent")
    DONE_BEFORE = "done_before", _("Reminded before the import")
    TOO_LATE = "too_late", _("Too late: task opened")
    NOBODY = "nobody", _("Nobody to write to: task opened")
    UNDELIVERED = "undelivered", _("Mail not delivered: task opened")
    LEFT_OUT = "left_out", _("Left out: another step tells of it")


class StepAnchor(TextChoices):
    """The day that a step of a reminder policy counts from."""

    RENEWAL_DATE = "renewal_date", _("the renewal date")
    NOTICE_DEADLINE = "notice_deadline", _("the last day to cancel")


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
    CANCELLATION_TO_DECIDE = "cancellation_to_decide", _("Cancellation to be decided")
    RECEIPT_BY_LETTER = "receipt_by_letter", _("Receipt of a cancellation to be posted")


class TimelineKind(TextChoices):
    ACCOUNT_ADDED = "account_added", _("Account added")
    CONTRACT_ADDED = "contract_added", _("Contract added")
    CONTRACT_STARTED = "contract_started", _("Contract started")
    CONTRACT_RENEWED = "contract_renewed", _("Contract renewed")
    CONTRACT_TURNED_OPEN_ENDED = "contract_turned_open_ended", _("Contract runs on without a term")
    CONTRACT_END_SET = "contract_end_set", _("End of contract set")
    CONTRACT_END_TAKEN_BACK = "contract_end_taken_back", _("End of contract taken back")
    CONTRACT_ENDED = "contract_ended", _("Contract ended")
    CONTRACT_CANCELLED = "contract_cancelled", _("Cancellation received")
    CANCELLATION_DECIDED = "cancellation_decided", _("Cancellation decided")
    CANCELLATION_TAKEN_BACK = "cancellation_taken_back", _("Cancellation taken back")
    PRICE_CHANGE_ANNOUNCED = "price_change_announced", _("Price change announced")
    PRICE_CHANGE_CALLED_OFF = "price_change_called_off", _("Price change called off")
    PRICE_CHANGED = "price_changed", _("Price changed")
    REMINDER_RELEASED = "reminder_released", _("Held reminder released")
    REMINDER_DISMISSED = "reminder_dismissed", _("Held reminder dismissed")
    CONTRACT_KEPT = "contract_kept", _("Customer keeps the contract")
    ACCOUNT_LOST = "account_lost", _("Last contract ended")
    ACCOUNT_WON_BACK = "account_won_back", _("Customer is back")
    TASK_OPENED = "task_opened", _("Task opened")
    TASK_DONE = "task_done", _("Task done")


class ImportKind(TextChoices):
    """What one row of a feed is."""

    ACCOUNTS = "accounts", _("Accounts")
    CONTACTS = "contacts", _("Contacts")
    PRODUCTS = "products", _("Products")
    CONTRACTS = "contracts", _("Contracts")
    CANCELLATIONS = "cancellations", _("Cancellations")


class ImportState(TextChoices):
    UPLOADED = "uploaded", _("Uploaded: to be mapped")
    QUEUED = "queued", _("Waiting for a worker")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    REFUSED = "refused", _("Refused")
    DRY_RUN = "dry_run", _("Dry run")

    # Of an upload: nothing goes on with it, so it may be mapped, tried, imported or thrown away.
    OPEN = nonmember(("uploaded", "dry_run", "refused"))
    UNDER_WAY = nonmember(("queued", "running"))


class RowStatus(TextChoices):
    """What became of a row that an integration sent."""

    CREATED = "created", _("Created")
    UPDATED = "updated", _("Updated")
    UNCHANGED = "unchanged", _("Unchanged")
    REFUSED = "refused", _("Refused")


class IssueSeverity(TextChoices):
    """Refused rows are left out; of a contradiction the row comes in and is reported."""

    REFUSED = "refused", _("Row refused")
    CONTRADICTION = "contradiction", _("Contradiction")
