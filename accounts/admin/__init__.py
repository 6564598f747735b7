"""What agents see and do with customers: lists and pages; the deeds are services."""

from accounts.admin import (
    accounts,
    cancellations,
    catalogue,
    contracts,
    imports,
    money,
    policies,
    renewals,
    tasks,
    timeline,
    win_back,
)

__all__ = [
    "accounts",
    "cancellations",
    "catalogue",
    "contracts",
    "imports",
    "money",
    "policies",
    "renewals",
    "tasks",
    "timeline",
    "win_back",
]
