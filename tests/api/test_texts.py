"""What a text may hold is the same by whichever door it comes in."""

import pytest

from accounts.models import Account, Contact, Product
from tests.api.answers import error
from tests.api.bulk import ACCOUNT, CONTACT, PRODUCT, faults, statuses
from tests.factories import AccountFactory, BrandFactory

MODELS = {"accounts": Account, "contacts": Contact, "products": Product}
ROWS = {
    "accounts": ACCOUNT,
    "contacts": CONTACT,
    "products": PRODUCT | {"list_price": "12.00"},
}
CONTROL_CHARACTERS = ("a\nb", "a\tb", "a\x01b", "a\x7fb", "a\x85b")
PLAIN = ("Größe 42 „XL“", "1", "a'b;c\\d", " a ")
RULES = [
    ("accounts", "external_id", CONTROL_CHARACTERS, PLAIN),
    ("accounts", "name", CONTROL_CHARACTERS, PLAIN),
    ("accounts", "region", ("ca", "ü", '"', "C A", "Ca"), ("CA", "7", "BW", "", " BY ")),
    ("accounts", "time_zone", ("localtime", "Factory", "europe/berlin"), ("UTC", "Asia/Tokyo")),
    ("contacts", "external_id", CONTROL_CHARACTERS, PLAIN),
    ("contacts", "name", CONTROL_CHARACTERS, PLAIN),
    ("products", "code", CONTROL_CHARACTERS, PLAIN),
    ("products", "name", CONTROL_CHARACTERS, PLAIN),
    ("products", "family", CONTROL_CHARACTERS, PLAIN),
]


@pytest.fixture
def api(make_api_client):
    AccountFactory(brand=BrandFactory(code="sun"), external_id="K0")
    groups = ("customers", "products")
    return make_api_client(*(f"{group}:{verb}" for group in groups for verb in ("write", "import")))


@pytest.mark.parametrize(("kind", "field", "refused", "taken"), RULES)
def test_both_doors_take_and_refuse_the_same(api, kind, field, refused, taken):
    of_account = {"account_external_id": "K0"} if kind == "contacts" else {}
    rows = [ROWS[kind] | of_account | {field: text} for text in refused]
    before = MODELS[kind].objects.count()

    by_bulk = faults(api.post(f"{kind}/bulk/", {"rows": rows}))
    for number, row in enumerate(rows, 1):
        status, code, fields = error(api.put(f"{kind}/", row))
        assert (status, code, set(fields)) == (422, "invalid", {field}), row
        assert {at for at, _code in by_bulk[number]} == {field}, row
    assert MODELS[kind].objects.count() == before

    for text in taken:
        row = ROWS[kind] | of_account | {field: text}
        assert api.put(f"{kind}/", row).status_code in (200, 201), row
        assert statuses(api.post(f"{kind}/bulk/", {"rows": [row]})) == ["unchanged"], row
        assert MODELS[kind].objects.filter(**{field: text.strip()}).exists()


def test_change_of_one_is_refused_as_well(api):
    account = AccountFactory(region="CA")

    for field, text in (("region", "ca"), ("name", "a\nb")):
        answer = api.patch(f"accounts/{account.pk}/", {field: text})
        assert (answer.status_code, list(error(answer)[2])) == (422, [field])
