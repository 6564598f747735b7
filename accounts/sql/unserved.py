"""Contracts that no reminder policy serves."""

from typing import Any

from django.db.models import BooleanField, Func

from accounts.sql.policies import POLICY

# A policy for everybody makes the look at each contract needless: PostgreSQL asks for it first.
_IS_UNSERVED = f"""(
    NOT EXISTS (
        SELECT FROM accounts_reminderpolicy
        WHERE brand_id IS NULL AND country = '' AND customer_kind = '' AND product_family = ''
            AND min_term_days <= {{{{shortest}}}} * 365 / 12 AND NOT first_term_only
            AND effective_from IS NULL AND effective_until IS NULL
    )
    AND NOT EXISTS (
        SELECT FROM (
            SELECT {{{{brand_id}}}} AS brand_id, {{{{renewal_date}}}} AS renewal_date,
                {{{{term_months}}}} AS term_months, {{{{renewal_date}}}} = (
                    {{{{starts_on}}}} + make_interval(months => {{{{first_term_months}}}})
                )::date AS is_first_term
        ) AS renewal
        JOIN accounts_account AS account ON account.id = {{{{account_id}}}}
        JOIN accounts_product AS product ON product.id = {{{{product_id}}}}
        CROSS JOIN LATERAL {POLICY} AS policy
    )
)""".format(contract="renewal", account="account", product="product")


class IsUnserved(Func):
    """Whether no policy holds for the renewal of a contract, whose term is at least `shortest`
    months long."""

    output_field = BooleanField()
    fields = (
        "brand_id",
        "account_id",
        "product_id",
        "renewal_date",
        "term_months",
        "starts_on",
        "first_term_months",
    )

    def __init__(self, *fields: Any, shortest: int) -> None:
        super().__init__(*(fields or self.fields))
        self.shortest = shortest

    def as_sql(  # type: ignore[override]  # Django names no types
        self, compiler: Any, connection: Any, **extra: Any
    ) -> tuple[str, tuple]:
        compiled = (compiler.compile(field)[0] for field in self.get_source_expressions())
        columns = dict(zip(self.fields, compiled, strict=True))
        return _IS_UNSERVED.format(shortest=self.shortest, **columns), ()
