"""A file in German, and what is filled in at the desk so that it is understood."""

from django.urls import reverse

from accounts.models import ImportRun

GERMAN = (
    "Kundennr;Firma;Typ;Vertragsnr;Start;Preis\n"
    "K1;Bäckerei Brot;F;V1;15.01.2026;9,90\n"
    "K2;<script>alert(1)</script>;P;V2;31.02.2026;12,00\n"
).encode()
FIXED = {
    "country": "DE",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "product_code": "web-s",
    "after_term": "open_ended",
    "currency": "EUR",
    "billing_period_months": "1",
}
COLUMNS = {
    "account_number": "Kundennr",
    "account_name": "Firma",
    "customer_kind": "Typ",
    "contract_number": "Vertragsnr",
    "starts_on": "Start",
    "price": "Preis",
}


def to(name: str, run: ImportRun | None = None) -> str:
    return reverse(f"admin:accounts_importrun_{name}", args=[run.pk] if run else [])


def mapped(**changes) -> dict:
    """The editor filled in for GERMAN."""
    form = {"date_format": "%d.%m.%Y", "decimal_comma": "on", "save_as": "", "then": "preview"}
    form |= {f"{name}:source": f"column:{column}" for name, column in COLUMNS.items()}
    for name, value in FIXED.items():
        form |= {f"{name}:source": "fixed", f"{name}:fixed": value}
    form |= {
        "customer_kind:column": "Typ",
        "customer_kind:from": ["F", "P"],
        "customer_kind:to": ["business", "consumer"],
    }
    return form | changes


def problems(response) -> dict[str, list[str]]:
    return {name: list(errors) for name, errors in response.context["form"].errors.items()}
