"""Every operation of the API: the scope that it needs, and a body with which it succeeds."""

from dataclasses import dataclass
from typing import Any

from cxcrm.api.enums import SCOPES
from tests.api.bulk import ACCOUNT, CONTACT, CONTRACT, PRODUCT
from tests.api.world import MARK, World

CSV = "text/csv"
READ_IMPORTS = [f"{group}:read" for group in ("customers", "products", "contracts")]


@dataclass(frozen=True)
class Operation:
    """`path` lies below /api/v1/ and names in braces the row of the world that it is about."""

    method: str
    path: str
    scope: str
    body: Any = None
    content_type: str = "application/json"
    # What a key of another brand is answered.
    abroad: int = 404
    # All scopes that open it, where that are several.
    scopes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def all_other_scopes(self) -> list[str]:
        opened_by = set(self.scopes or (self.scope,))
        # Whoever writes reads.
        opened_by |= {scope.replace(":read", ":write") for scope in opened_by}
        return [scope for scope in SCOPES if scope not in opened_by]

    def send(self, api: Any, world: World, *, key: str = "once", **options: Any) -> Any:
        body = b"" if self.body is None else self.body
        headers = {"Idempotency-Key": key}
        asked = {"body": body, "content_type": self.content_type, "headers": headers} | options
        return api.send(self.method, world.path(self.path), **asked)


def reading(name: str, row: str, group: str) -> list[Operation]:
    return [
        Operation("GET", f"{name}/", f"{group}:read", abroad=200),
        Operation("GET", f"{name}/{{{row}}}/", f"{group}:read"),
    ]


def of_brand(row: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return row | {"brand": MARK} | changes


def bulk(name: str, group: str, row: dict[str, Any]) -> Operation:
    return Operation("POST", f"{name}/bulk/", f"{group}:import", {"rows": [row]}, abroad=200)


NEW_ACCOUNT = of_brand(ACCOUNT)
NEW_CONTACT = of_brand(CONTACT, account_external_id=MARK, may_decide=True)
NEW_PRODUCT = of_brand(PRODUCT, list_price="12", promotion_price=None)
NEW_CONTRACT = of_brand(CONTRACT, account_external_id=MARK, product_code=MARK)
NEW_TASK = {
    "brand": MARK,
    "account_external_id": MARK,
    "contract_external_id": MARK,
    "title": "Call back",
    "due_on": "2026-06-03",
    "pool": "service",
}
FILE = b"code,name\npro,Pro\n"

OPERATIONS = [
    *reading("brands", "brand", "customers"),
    *reading("accounts", "account", "customers"),
    *reading("contacts", "contact", "customers"),
    *reading("timeline", "event", "customers"),
    *reading("products", "product", "products"),
    *reading("contracts", "contract", "contracts"),
    *reading("renewal-reminders", "reminder", "contracts"),
    *reading("tasks", "task", "tasks"),
    *reading("outgoing-mails", "mail", "mails"),
    Operation("GET", "imports/", "contracts:read", abroad=200, scopes=tuple(READ_IMPORTS)),
    Operation("GET", "imports/{run}/", "contracts:read", scopes=tuple(READ_IMPORTS)),
    Operation("GET", "imports/{run}/issues/", "contracts:read", scopes=tuple(READ_IMPORTS)),
    Operation("POST", "accounts/", "customers:write", NEW_ACCOUNT, abroad=422),
    Operation("PUT", "accounts/", "customers:write", NEW_ACCOUNT, abroad=422),
    Operation("PATCH", "accounts/{account}/", "customers:write", {"name": "Brot"}),
    Operation("POST", "contacts/", "customers:write", NEW_CONTACT, abroad=422),
    Operation("PUT", "contacts/", "customers:write", NEW_CONTACT, abroad=422),
    Operation("PATCH", "contacts/{contact}/", "customers:write", {"name": "Brot"}),
    Operation("POST", "products/", "products:write", NEW_PRODUCT, abroad=422),
    Operation("PUT", "products/", "products:write", NEW_PRODUCT, abroad=422),
    Operation("PATCH", "products/{product}/", "products:write", {"name": "Pro"}),
    Operation("POST", "contracts/", "contracts:write", NEW_CONTRACT, abroad=422),
    Operation("POST", "contracts/{contract}/cancel/", "contracts:write", {"kind": "ordinary"}),
    Operation("POST", "contracts/{contract}/keep/", "contracts:write", {}),
    Operation("POST", "contracts/{cancelled}/withdraw-cancellation/", "contracts:write", {}),
    Operation("POST", "tasks/", "tasks:write", NEW_TASK, abroad=422),
    Operation("POST", "tasks/{task}/assign/", "tasks:write", {"assignee": None}),
    Operation("POST", "tasks/{task}/finish/", "tasks:write", {"result": "Done"}),
    bulk("accounts", "customers", NEW_ACCOUNT),
    bulk("contacts", "customers", {**of_brand(CONTACT), "account_external_id": MARK}),
    bulk("products", "products", of_brand(PRODUCT)),
    bulk("contracts", "contracts", NEW_CONTRACT),
    Operation(
        "POST",
        f"imports/?kind=products&brand={MARK}",
        "products:import",
        FILE,
        content_type=CSV,
        abroad=400,
    ),
]
BY_NAME = {operation.name: operation for operation in OPERATIONS}
