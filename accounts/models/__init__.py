from accounts.models.contracts import Contract, Product
from accounts.models.customers import Account, Brand, Contact
from accounts.models.imports import ImportIssue, ImportRun
from accounts.models.renewals import RenewalReminder
from accounts.models.tasks import Task
from accounts.models.timeline import TimelineEvent

__all__ = [
    "Account",
    "Brand",
    "Contact",
    "Contract",
    "ImportIssue",
    "ImportRun",
    "Product",
    "RenewalReminder",
    "Task",
    "TimelineEvent",
]
