"""What a feed can say about a contract: the one list that validation, staging and docs share."""

from dataclasses import dataclass
from decimal import Decimal

from accounts.enums import AfterTerm, ContactRole, CustomerKind, Segment
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
    Region,
    Text,
    TimeZone,
    Whole,
)
from cxcrm.outbox.enums import LegalBasis, MailClass
from cxcrm.users.enums import Language

# The classes of mail that need a permission which a feed may bring along.
MAIL_CLASSES = (MailClass.SURVEY, MailClass.PROGRAMME, MailClass.NEWSLETTER)


@dataclass(frozen=True, slots=True)
class Field:
    """One field that a mapping can fill.

    A required field must be mapped and never be empty. Any other takes its default where a cell
    is empty, or where it is not mapped and the thing is new; what is not mapped stays as it is
    on things that exist, unless it is `always_written`.
    """

    name: str
    kind: Kind
    meaning: str
    required: bool = False
    default: str | int | Decimal | None = None
    default_from: str = ""
    always_written: bool = False

    def describe_default(self) -> str:
        if self.required:
            return "required"
        if self.default_from:
            return f"`{self.default_from}`"
        return "empty" if self.default in (None, "") else f"`{self.default}`"


_PRICE = Amount(below=Decimal(10_000_000_000))

FIELDS = {
    field.name: field
    for field in (
        Field("brand", Text(50), "code of the brand; or `--brand`, one for the whole file", True),
        Field("account_number", Text(64), "customer number: recognises the account", True),
        Field("account_name", Text(200), "name of the company or person", True),
        Field("customer_kind", Choice(CustomerKind), "consumer law or not", True),
        Field("segment", Choice(Segment), "segment", default=""),
        Field("country", Country(), "country of the customer", True),
        Field("region", Region(), "region, where the law differs inside the country", default=""),
        Field("language", Choice(Language), "language of the account", True),
        Field("time_zone", TimeZone(), "the customer's days are days in this zone", True),
        Field("contact_number", Text(64), "recognises the contact inside its account", default=""),
        Field("contact_name", Text(200), "a person; without a name the row has no contact"),
        Field(
            "contact_role",
            Choice(ContactRole),
            "role of the person",
            default=ContactRole.DECISION_MAKER.value,
        ),
        Field("contact_address", Address(), "where mails go"),
        Field("contact_phone", Phone(), "phone of the person", default=""),
        Field("contact_language", Choice(Language), "where not the account's", default=""),
        Field("product_code", Text(64), "recognises the product inside its brand", True),
        Field("product_name", Text(200), "name of the product", default_from="product_code"),
        Field("product_family", Text(40), "like hosting, domain, mail", default="other"),
        Field("contract_number", Text(64), "recognises the contract inside its brand", True),
        Field("concluded_on", Day(), "day of conclusion", default_from="starts_on"),
        Field("starts_on", Day(), "first day; terms are counted from it", True),
        Field(
            "first_term_months",
            Whole(1, 120),
            "length of the first term; empty: open-ended from the start",
            always_written=True,
        ),
        Field("after_term", Choice(AfterTerm), "what follows when nobody gives notice", True),
        Field(
            "renewal_term_months",
            Whole(1, 120),
            "length of each further term, where it renews",
            always_written=True,
        ),
        Field("notice_months", Whole(0, 24), "notice period, months", default=0),
        Field("notice_days", Whole(0, 366), "notice period, further days", default=0),
        Field("ends_on", Day(), "last day, once an end is known"),
        Field("price", _PRICE, "net, per billing period", True),
        Field("renewal_price", _PRICE, "net, from the renewal date; empty: unchanged"),
        Field("tax_rate", Amount(Decimal(100), "19.00"), "tax in percent", default=Decimal(0)),
        Field("currency", Currency(), "currency of the prices", True),
        Field("billing_period_months", Whole(1, 60), "months that one price pays for", True),
        Field("reminded_on", Day(), "day on which the customer was reminded of the next renewal"),
        *(
            Field(f"{mail_class}_{name}", kind, meaning.format(mail_class.label.lower()))
            for mail_class in MAIL_CLASSES
            for name, kind, meaning in (
                ("basis", Choice(LegalBasis), "legal basis of {} mails to the contact"),
                ("source", Text(200), "where the permission for {} mails comes from"),
                ("since", Moment(), "since when {} mails are permitted"),
            )
        ),
    )
}


def field_table() -> str:
    """The fields as a Markdown table, as it stands in `docs/importing.md`."""
    rows = ["| field | meaning | allowed | default |", "|---|---|---|---|"]
    rows += [
        f"| `{field.name}` | {field.meaning} | {field.kind.describe()} "
        f"| {field.describe_default()} |"
        for field in FIELDS.values()
    ]
    return "\n".join(rows)
