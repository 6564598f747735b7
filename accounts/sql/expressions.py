"""Database expressions that constraints and computed columns are made of."""

from django.db import models
from django.db.models import F, Func, Value
from django.db.models.lookups import IsNull


def is_time_zone(field: str) -> IsNull:
    """A condition that PostgreSQL refuses to evaluate for a zone that it does not know."""
    moment = Value("2000-01-01 00:00+00", output_field=models.DateTimeField())
    return IsNull(
        Func(F(field), moment, function="timezone", output_field=models.DateTimeField()), False
    )


class NoticeDeadline(Func):
    """Renewal date - notice period - 1 day: the last day of notice, inclusive (date)."""

    output_field = models.DateField()
    arity = 3
    template = "(%(expressions)s)"
    arg_joiner = ", "

    def as_sql(self, compiler, connection, **extra):
        parts = [compiler.compile(part) for part in self.get_source_expressions()]
        (date, date_params), (months, month_params), (days, day_params) = parts
        sql = f"(({date} - make_interval(months => {months}, days => {days}))::date - 1)"
        return sql, (*date_params, *month_params, *day_params)


class YearlyValue(Func):
    """Price net of tax x 12 / months of the billing period, 4 decimals."""

    output_field = models.DecimalField(max_digits=16, decimal_places=4)
    arity = 2
    template = "round(%(expressions)s, 4)"
    arg_joiner = " * 12 / "
