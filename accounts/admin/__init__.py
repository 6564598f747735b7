"""What agents see and do with customers: lists and pages; the deeds are services."""

from accounts.admin import accounts, catalogue, contracts, imports, renewals, tasks, timeline

__all__ = ["accounts", "catalogue", "contracts", "imports", "renewals", "tasks", "timeline"]
