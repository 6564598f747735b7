"""The win-back list: accounts that have lost their last contract."""

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from accounts.enums import ContractState
from accounts.models import Cancellation, CancellationReason, LostAccount
from cxcrm.outbox.enums import MailClass
from cxcrm.outbox.models import MailPermission


def lost_accounts() -> QuerySet[LostAccount]:
    """Lost accounts with `reason`, why the contract that ended last was cancelled, in the active
    language, and `mail_classes`, what a contact with a living address may be written for."""
    last_cancelled = Cancellation.objects.standing().filter(
        contract__account=OuterRef("pk"),
        contract__state=ContractState.ENDED,
        contract__ends_on=OuterRef("lost_on"),
        reason__isnull=False,
    )
    name = f"reason__{CancellationReason.name_field()}"
    return LostAccount.objects.filter(lost_on__isnull=False).annotate(
        reason=Subquery(last_cancelled.order_by("-received_at", "-id").values(name)[:1]),
        mail_classes=ArraySubquery(
            _permissions().values("mail_class").distinct().order_by("mail_class")
        ),
    )


def may_be_written_to(accounts: QuerySet[LostAccount]) -> QuerySet[LostAccount]:
    """Those whom more than service mail may go to."""
    return accounts.filter(Exists(_permissions()))


def _permissions() -> QuerySet[MailPermission]:
    """What contacts of an account with living addresses have allowed and not objected to."""
    return MailPermission.objects.filter(
        address__contacts__account=OuterRef("pk"),
        address__bounced_at__isnull=True,
        objected_at__isnull=True,
        granted_at__isnull=False,
    ).exclude(mail_class=MailClass.SERVICE)
