from accounts.models.cancellations import Cancellation, CancellationReason
from accounts.models.contracts import Contract
from accounts.models.customers import Account, Brand, Contact, LostAccount
from accounts.models.imports import ImportChunk, ImportIssue, ImportMapping, ImportRun
from accounts.models.money import DailyRevenue, ExchangeRate, PriceChange, RevenueDay
from accounts.models.policies import ReminderPolicy, ReminderPolicyStep
from accounts.models.products import Product
from accounts.models.renewals import DecisionCode, RenewalReminder
from accounts.models.tasks import Task
from accounts.models.timeline import TimelineEvent

__all__ = [
    "Account",
    "Brand",
    "Cancellation",
    "CancellationReason",
    "Contact",
    "Contract",
    "DailyRevenue",
    "DecisionCode",
    "ExchangeRate",
    "ImportChunk",
    "ImportIssue",
    "ImportMapping",
    "ImportRun",
    "LostAccount",
    "PriceChange",
    "Product",
    "ReminderPolicy",
    "ReminderPolicyStep",
    "RenewalReminder",
    "RevenueDay",
    "Task",
    "TimelineEvent",
]
