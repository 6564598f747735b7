"""The base of the agent desk's lists and pages, made for ten million rows; and bulk actions."""

from cxcrm.base.admin.bulk import BulkAction
from cxcrm.base.admin.dialogs import MINUTES, DialogForm, MomentField, OffersFittingDeeds, held
from cxcrm.base.admin.jobs import JobAdmin, JobRefusalAdmin
from cxcrm.base.admin.lists import BoundedPaginator, DeskModelAdmin, ListView, ReadOnlyAdmin

__all__ = [
    "MINUTES",
    "BoundedPaginator",
    "BulkAction",
    "DeskModelAdmin",
    "DialogForm",
    "JobAdmin",
    "JobRefusalAdmin",
    "ListView",
    "MomentField",
    "OffersFittingDeeds",
    "ReadOnlyAdmin",
    "held",
]
