"""Database expressions that constraints, computed columns and statements are made of."""

from django.db import models
from django.db.models import F, Func, Value
from django.db.models.lookups import IsNull

# Renewal date - notice period - 1 day: the last day of notice, inclusive.
NOTICE_DEADLINE = "(({date} - make_interval(months => {months}, days => {days}))::date - 1)"

# The day that an import looks at: that of its feed, or the customer's own if that is later.
DAY_OF_IMPORT = "greatest(%(as_of)s, (%(at)s AT TIME ZONE account.time_zone)::date)"

# Price net of tax x 12 / months of the billing period, 4 decimals.
YEARLY_VALUE = "round({price} * 12 / {months}, 4)"

# May this contact cancel, keep or change? By hand, else by role, else as the only contact.
_DECIDES = """
coalesce(
    {may_decide},
    {role} IN ('decision_maker', 'billing')
    OR NOT EXISTS (
        SELECT FROM accounts_contact AS other
        WHERE other.account_id = {account_id} AND other.id <> {id}
    )
)
"""
CONTACT_DECIDES = _DECIDES.format(
    may_decide="contact.may_decide",
    role="contact.role",
    account_id="contact.account_id",
    id="contact.id",
)


def is_time_zone(field: str) -> IsNull:
    """A condition that PostgreSQL refuses to evaluate for a zone that it does not know."""
    moment = Value("2000-01-01 00:00+00", output_field=models.DateTimeField())
    return IsNull(
        Func(F(field), moment, function="timezone", output_field=models.DateTimeField()), False
    )


class NoticeDeadline(Func):
    """NOTICE_DEADLINE of (renewal date, months, days)."""

    output_field = models.DateField()
    arity = 3

    def as_sql(self, compiler, connection, **extra_context):
        parts = [compiler.compile(part) for part in self.get_source_expressions()]
        date, months, days = (sql for sql, _ in parts)
        params = [param for _, params in parts for param in params]
        return NOTICE_DEADLINE.format(date=date, months=months, days=days), params


class ContactDecides(Func):
    """CONTACT_DECIDES of the rows of a queryset of contacts."""

    output_field = models.BooleanField()

    def __init__(self) -> None:
        super().__init__("may_decide", "role", "account_id", "id")

    def as_sql(self, compiler, connection, **extra_context):
        columns = [compiler.compile(part)[0] for part in self.get_source_expressions()]
        may_decide, role, account_id, own_id = columns
        return _DECIDES.format(
            may_decide=may_decide, role=role, account_id=account_id, id=own_id
        ), []


class YearlyValue(Func):
    """YEARLY_VALUE of (price, months)."""

    output_field = models.DecimalField(max_digits=16, decimal_places=4)
    arity = 2

    def as_sql(self, compiler, connection, **extra_context):
        (price, price_params), (months, months_params) = (
            compiler.compile(part) for part in self.get_source_expressions()
        )
        return YEARLY_VALUE.format(price=price, months=months), [*price_params, *months_params]
