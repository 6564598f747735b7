"""What a feed can say: one list per kind, which validation, staging, desk and docs share."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from accounts.enums import (
    AfterTerm,
    CancellationKind,
    ContactRole,
    CustomerKind,
    ImportKind,
    Segment,
)
from accounts.services.imports.kinds import (
    Address,
    Amount,
    Choice,
    Country,
    Currency,
    Day,
    Kind,
    Moment,
    Phone,
    Reference,
    Region,
    Text,
    TimeZone,
    Whole,
    YesNo,
)
from cxcrm.outbox.enums import LegalBasis, MailClass
from cxcrm.users.enums import Language

# The classes of mail that need a permission which a feed may bring along.
MAIL_CLASSES = (MailClass.SURVEY, MailClass.PROGRAMME, MailClass.NEWSLETTER)
# Of a feed of contracts: said together, or not at all where the accounts are there already.
ACCOUNT_DETAILS = "account"


@dataclass(frozen=True, slots=True)
class Field:
    """One field that a mapping can fill.

    A required field must be mapped and never be empty; one of a `group` only where the mapping
    fills any field of that group. Any other takes its default where a cell is empty, or where it
    is not mapped and the thing is new; what is not mapped stays as it is on things that exist,
    unless it is `always_written`. A `control` field is compared and never stored.
    """

    name: str
    kind: Kind
    meaning: str | Promise
    required: bool = False
    default: str | int | Decimal | None = None
    default_from: str = ""
    always_written: bool = False
    group: str = ""
    control: bool = False

    @property
    def is_always_required(self) -> bool:
        return self.required and not self.group

    def describe_default(self) -> str:
        if self.required:
            return "required with any other detail of the account" if self.group else "required"
        if self.default_from:
            return f"`{self.default_from}`"
        if self.default is False:
            return "`no`"
        return "empty" if self.default in (None, "") else f"`{self.default}`"


_PRICE = Amount(below=Decimal(10_000_000_000))
_TAX = Amount(Decimal(100), "19.00")

_BRAND = Field("brand", Reference(), _("code of the brand, where it is not one for all rows"), True)
_ACCOUNT_NUMBER = Field(
    "account_number", Text(64), _("customer number: recognises the account"), True
)
_ACCOUNT = (
    Field("account_name", Text(200), _("name of the company or person"), True),
    Field("customer_kind", Choice(CustomerKind), _("consumer law or not"), True),
    Field("segment", Choice(Segment), _("segment"), default=""),
    Field("country", Country(), _("country of the customer"), True),
    Field("region", Region(), _("region, where the law differs inside the country"), default=""),
    Field("language", Choice(Language), _("language of the account"), True),
    Field("time_zone", TimeZone(), _("the customer's days are days in this zone"), True),
)
_CONTACT_NAME = Field(
    "contact_name", Text(200), _("a person; without a name the row has no contact")
)
_CONTACT = (
    Field("contact_number", Text(64), _("recognises the contact inside its account"), default=""),
    _CONTACT_NAME,
    Field(
        "contact_role",
        Choice(ContactRole),
        _("role of the person"),
        default=ContactRole.DECISION_MAKER.value,
    ),
    Field("contact_address", Address(), _("where mails go")),
    Field("contact_phone", Phone(), _("phone of the person"), default=""),
    Field("contact_language", Choice(Language), _("where not the account's"), default=""),
)
_PERMISSIONS = tuple(
    Field(f"{mail_class}_{name}", kind, format_lazy(meaning, mails=mail_class.label))
    for mail_class in MAIL_CLASSES
    for name, kind, meaning in (
        ("basis", Choice(LegalBasis), _("{mails}: legal basis of mails to the contact")),
        ("source", Text(200), _("{mails}: where the permission comes from")),
        ("since", Moment(), _("{mails}: since when mails are permitted")),
    )
)
_PRODUCT_CODE = Field("product_code", Text(64), _("recognises the product inside its brand"), True)
_PRODUCT = (
    Field("product_name", Text(200), _("name of the product"), default_from="product_code"),
    Field("product_family", Text(40), _("like hosting, domain, mail"), default="other"),
)
_OFFER = (
    Field(
        "on_offer", YesNo(), _("new contracts may be made; then all below is said"), default=False
    ),
    Field("list_price", _PRICE, _("list price, net, per billing period")),
    Field("promotion_price", _PRICE, _("net, per billing period, for the first months")),
    Field("promotion_months", Whole(1, 120), _("how many months the promotion lasts")),
    Field("tax_rate", _TAX, _("tax in percent")),
    Field("currency", Currency(), _("currency of the prices"), default=""),
    Field("billing_period_months", Whole(1, 60), _("months that one price pays for")),
    Field("first_term_months", Whole(1, 120), _("length of the first term; empty: open-ended")),
    Field("after_term", Choice(AfterTerm), _("what follows when nobody gives notice"), default=""),
    Field("renewal_term_months", Whole(1, 120), _("length of each further term")),
    Field("notice_months", Whole(0, 24), _("notice period, months")),
    Field("notice_days", Whole(0, 366), _("notice period, further days")),
    Field("provisioning_hours", Whole(0, 32_767), _("hours from the order until it works")),
)
_CONTRACT_NUMBER = Field(
    "contract_number", Text(64), _("recognises the contract inside its brand"), True
)
_CONTRACT = (
    Field("concluded_on", Day(), _("day of conclusion"), default_from="starts_on"),
    Field("starts_on", Day(), _("first day; terms are counted from it"), True),
    Field(
        "first_term_months",
        Whole(1, 120),
        _("length of the first term; empty: open-ended from the start"),
        always_written=True,
    ),
    Field("after_term", Choice(AfterTerm), _("what follows when nobody gives notice"), True),
    Field(
        "renewal_term_months",
        Whole(1, 120),
        _("length of each further term, where it renews"),
        always_written=True,
    ),
    Field("notice_months", Whole(0, 24), _("notice period, months"), default=0),
    Field("notice_days", Whole(0, 366), _("notice period, further days"), default=0),
    Field("ends_on", Day(), _("last day, once an end is known")),
    Field("price", _PRICE, _("net, per billing period"), True),
    Field("renewal_price", _PRICE, _("net, from the renewal date; empty: unchanged")),
    Field("promotion_ends_on", Day(), _("last day of a price that is lower for a time")),
    Field("price_after_promotion", _PRICE, _("net, from the day after the promotion")),
    Field("tax_rate", _TAX, _("tax in percent"), default=Decimal(0)),
    Field("currency", Currency(), _("currency of the prices"), True),
    Field("billing_period_months", Whole(1, 60), _("months that one price pays for"), True),
    Field("is_trial", YesNo(), _("counts as nothing in ARR and MRR"), default=False),
    Field("reminded_on", Day(), _("day on which the customer was reminded of the next renewal")),
)
_CANCELLED_ON = Field("cancelled_on", Day(), _("day on which the cancellation was received"))
_CANCELLATION = (
    Field(
        "cancellation_kind",
        Choice(CancellationKind),
        _("kind of the cancellation"),
        default=CancellationKind.ORDINARY.value,
    ),
    Field("cancellation_reason", Reference(), _("code of the reason, from the catalogue")),
    Field("cancellation_comment", Text(2_000, True), _("what the customer said"), default=""),
)


def _of_group(fields: Iterable[Field], group: str) -> tuple[Field, ...]:
    return tuple(replace(field, group=group) for field in fields)


_FIELDS: dict[ImportKind, tuple[Field, ...]] = {
    ImportKind.ACCOUNTS: (
        _BRAND,
        _ACCOUNT_NUMBER,
        *_ACCOUNT,
        *_CONTACT,
        *_PERMISSIONS,
        Field(
            "control_has_left",
            YesNo(),
            _("compared only: has the customer left?"),
            control=True,
        ),
    ),
    ImportKind.CONTACTS: (
        _BRAND,
        _ACCOUNT_NUMBER,
        *(replace(field, required=field is _CONTACT_NAME) for field in _CONTACT),
        *_PERMISSIONS,
    ),
    ImportKind.PRODUCTS: (_BRAND, _PRODUCT_CODE, *_PRODUCT, *_OFFER),
    ImportKind.CONTRACTS: (
        _BRAND,
        _ACCOUNT_NUMBER,
        *_of_group(_ACCOUNT, ACCOUNT_DETAILS),
        *_CONTACT,
        _PRODUCT_CODE,
        *_PRODUCT,
        _CONTRACT_NUMBER,
        *_CONTRACT,
        _CANCELLED_ON,
        *_CANCELLATION,
        *_PERMISSIONS,
        Field(
            "control_yearly_value",
            _PRICE,
            _("compared only: price x 12 / months of the billing period"),
            control=True,
        ),
        Field(
            "control_has_ended", YesNo(), _("compared only: has the contract ended?"), control=True
        ),
    ),
    ImportKind.CANCELLATIONS: (
        _BRAND,
        replace(
            _CONTRACT_NUMBER,
            meaning=_("number of the contract; or that of the account"),
            required=False,
        ),
        replace(
            _ACCOUNT_NUMBER,
            meaning=_("customer number: its contracts that ended on the day are meant"),
            required=False,
        ),
        replace(_CANCELLED_ON, required=True),
        Field("ends_on", Day(), _("last day; empty: the one that is known")),
        *_CANCELLATION,
    ),
}
_BY_NAME = {kind: {field.name: field for field in fields} for kind, fields in _FIELDS.items()}


def fields_of(kind: ImportKind | str) -> Mapping[str, Field]:
    """What a feed of this kind can say, in the order in which people read it."""
    return _BY_NAME[ImportKind(kind)]


def field_table(kind: ImportKind) -> str:
    """The fields of a kind as a Markdown table, as it stands in `docs/importing.md`."""
    rows = ["| field | meaning | allowed | default |", "|---|---|---|---|"]
    rows += [
        f"| `{field.name}` | {field.meaning} | {field.kind.describe()} "
        f"| {field.describe_default()} |"
        for field in fields_of(kind).values()
    ]
    return "\n".join(rows)
