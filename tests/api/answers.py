"""What tests look at in answers of the API."""

from typing import Any

# A list takes five at most. In a test the transaction that it is read in is a savepoint, which
# takes two more; outside of tests that is no query.
MOST_QUERIES = 7


def ids(response: Any) -> list[int]:
    """Those of a page."""
    assert response.status_code == 200, response.content
    return [row["id"] for row in response.json()["results"]]


def error(response: Any) -> tuple[int, str, dict[str, str]]:
    """Status, code, and the codes of the fields at fault."""
    said = response.json()["error"]
    return (
        response.status_code,
        said["code"],
        {fault["field"]: fault["code"] for fault in said["fields"]},
    )
