"""What rows of a feed are refused for beside each other and beside what is there, and where what
comes in contradicts something."""

from collections.abc import Collection
from datetime import date

from django.utils.translation import gettext as _

from accounts.enums import ImportKind
from accounts.services.imports.fields import ACCOUNT_DETAILS, fields_of
from accounts.sql import (
    import_cancellations,
    import_findings,
    import_merging,
    import_prices,
    import_staging,
)

# What recognises a thing, the columns that say it, and what has to be the same in all its rows.
_CONTACT = (
    ("brand", "account_number", "contact_key"),
    import_merging.CONTACT_COLUMNS,
)
_ACCOUNT = (("brand", "account_number"), import_merging.ACCOUNT_COLUMNS)
_PRODUCT = (("brand", "product_code"), import_merging.PRODUCT_COLUMNS)
_SAME = {
    ImportKind.ACCOUNTS: (_ACCOUNT, _CONTACT),
    ImportKind.CONTACTS: (_CONTACT,),
    ImportKind.PRODUCTS: (),
    ImportKind.CONTRACTS: (_ACCOUNT, _PRODUCT, _CONTACT),
    ImportKind.CANCELLATIONS: (),
}
_ONCE = {
    ImportKind.PRODUCTS: "product_code",
    ImportKind.CONTRACTS: "contract_number",
    ImportKind.CANCELLATIONS: "contract_number",
}


def says_accounts(kind: ImportKind, fields: Collection[str]) -> bool:
    """Does the feed say who its accounts are, or only their numbers?"""
    if kind == ImportKind.CONTRACTS:
        known = fields_of(kind)
        return any(known[name].group == ACCOUNT_DETAILS for name in fields)
    return kind == ImportKind.ACCOUNTS


def refuse_rows(
    kind: ImportKind, fields: Collection[str], *, as_of: date, adds_products: bool = True
) -> None:
    """Refuse staged rows that do not fit to each other or to what is there, and take over into the
    others what counts more than what they say. `adds_products`: contracts may bring theirs along.
    """
    if number := _ONCE.get(kind):
        import_staging.refuse_repeated(number=number, reason=_("stands in line {line} already"))
    reasons = {
        "account_number": _("differs from line {line}, which has the same account number"),
        "product_code": _("differs from line {line}, which has the same product code"),
        "contact_key": _("differs from line {line}, which has the same contact"),
    }
    for key, columns in _SAME[kind]:
        import_staging.refuse_contradictions(
            key=key, fields=[field for field in columns if field in fields], reason=reasons[key[-1]]
        )
    if kind == ImportKind.CONTRACTS:
        _refuse_starts_after_end(fields)
        import_prices.keep_later_prices(fields=fields, as_of=as_of)
    if "account_number" in fields and not says_accounts(kind, fields):
        import_findings.refuse_unknown_accounts(reason=_("there is no account of this number"))
    if kind == ImportKind.CONTRACTS and not adds_products:
        import_findings.refuse_unknown_products(reason=_("there is no product of this code"))
    if kind == ImportKind.CANCELLATIONS:
        _refuse_cancellations()


def _refuse_starts_after_end(fields: Collection[str]) -> None:
    if "ends_on" in fields:
        import_cancellations.let_desk_count(empty_means_none=True)
    import_findings.refuse_starts_after_known_end(
        only_kept="ends_on" in fields,
        reason=_("lies after the last day that the contract has, {day}"),
    )


def _refuse_cancellations() -> None:
    import_findings.refuse_unknown_contracts(
        unknown=_("there is no contract of this number"),
        of_other=_("belongs to another account"),
    )
    import_findings.refuse_ends_before_start(reason=_("lies before the start, {day}"))
    import_cancellations.let_desk_count(empty_means_none=False)
    import_cancellations.take_over_known_ends()
    import_findings.refuse_missing_ends(
        reason=_("is missing, and no last day of the contract is known")
    )


def report_contradictions(kind: ImportKind, fields: Collection[str]) -> None:
    """Report, once all is merged, where the rows that came in contradict something."""
    if "ends_on" in fields or kind == ImportKind.CANCELLATIONS:
        import_findings.report_kept_ends(
            reason=_("the feed says {said}; what was entered at the desk counts: {known}"),
            none=_("no last day"),
        )
    if kind == ImportKind.CANCELLATIONS:
        import_findings.report_unmatched_cancellations(
            reason=_("no contract of this account ended on {day}; running: {count}")
        )
    if kind == ImportKind.CONTRACTS:
        import_prices.report_kept_prices(
            reason=_("the feed says {said}; what counts since {day}: {known}"), none=_("nothing")
        )
    if kind == ImportKind.CONTRACTS and "cancelled_on" in fields:
        import_findings.report_cancelled_without_end(
            reason=_("the feed says a cancellation, and no last day is known")
        )
    if "control_yearly_value" in fields:
        import_findings.report_yearly_values(
            reason=_("the feed says {said}, price and billing period come to {known}")
        )
    if "control_has_ended" in fields:
        import_findings.report_ended(
            says_yes=_("the contract has ended, says the feed; here it has not"),
            says_no=_("the contract has not ended, says the feed; here it has"),
        )
    if "control_has_left" in fields:
        import_findings.report_left(
            says_yes=_("the customer has left, says the feed; contracts not ended: {count}"),
            says_no=_("the customer has not left, says the feed; every contract has ended"),
        )
