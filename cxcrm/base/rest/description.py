"""How the API is described: the value of the `SPECTACULAR_SETTINGS` setting."""

DESCRIPTION = """
Customers, contracts and renewals of subscription businesses.

- **Keys.** Send `Authorization: Bearer cx_…`. A key has scopes, like `contracts:read`, and may be
  limited to brands: all others do not exist for it.
- **Lists** have filters, named orders and pages of up to 200 rows; follow `next` until it is null.
  `fields` names the fields that you want, `expand` shows references in full.
- **Doing something** (POST) takes an `Idempotency-Key`: sent again, it is answered as before and
  nothing happens twice. PUT makes or changes what has this number in your system.
- **Changing** a thing, or doing something to it, takes the `ETag` that you read as `If-Match`, so
  that nobody's work is lost.
- **Errors** have one shape: a code for programs, a message for people, the fields at fault, and a
  `request_id` to name when you ask.
- **Money** is a string with its currency beside it, days are `2026-12-31`, instants are UTC.
"""

SPECTACULAR_SETTINGS = {
    "TITLE": "cxcrm",
    "DESCRIPTION": DESCRIPTION,
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "CancellationKind": "accounts.enums.CancellationKind",
        "ContractState": "accounts.enums.ContractState",
        "ReminderState": "accounts.enums.ReminderState",
        "TaskState": "accounts.enums.TaskState",
        "TimelineKind": "accounts.enums.TimelineKind",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "ENABLE_LIST_MECHANICS_ON_NON_2XX": False,
}
