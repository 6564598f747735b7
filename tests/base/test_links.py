"""V09: a token opens what it was sealed for, and nothing else does."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from hmac import digest

import pytest

from cxcrm.base.links import absolute, code, is_code
from cxcrm.base.links import opened as opened_by
from cxcrm.base.links import seal as sealed

OLD, NEW, FOREIGN = "1:the old secret", "2:the new secret", "2:somebody else's secret"


def seal(purpose: str, subject: int | str) -> str:
    return sealed(purpose, subject, bound_to="ada@example.com")


def opened(purpose: str, token: str) -> str | None:
    return opened_by(purpose, token, bound_to=lambda _row: "ada@example.com")


@pytest.fixture(autouse=True)
def keys(settings):
    settings.CXCRM_LINK_KEYS = [NEW, OLD]
    return settings


@pytest.mark.parametrize("subject", [1, 17, "17-page", 999_999_999_999_999_999])
def test_token_opens_its_subject(subject):
    assert opened("decide", seal("decide", subject)) == str(subject)


def test_token_is_the_same_each_time_so_that_a_mail_can_be_sent_again():
    assert seal("decide", 17) == seal("decide", 17)


def test_token_opens_no_other_row_that_got_the_number():
    token = seal("decide", 17)

    for facts in ("grace@example.com", "", None):
        assert opened_by("decide", token, bound_to=lambda _row, facts=facts: facts) is None


def test_token_without_facts_opens_nothing_where_there_is_no_row():
    token = sealed("decide", 17, bound_to="")

    assert opened_by("decide", token, bound_to=lambda _row: None) is None


def test_row_is_asked_for_by_its_number_and_only_for_what_looks_like_a_token():
    asked = []
    for token in (seal("decide", "17-page"), "17", "x.y", f"17'--.{'A' * 22}"):
        opened_by("decide", token, bound_to=asked.append)

    assert asked == [17]


def test_token_for_another_purpose_opens_nothing():
    assert opened("preferences", seal("decide", 17)) is None


def test_token_of_another_key_opens_nothing(keys):
    keys.CXCRM_LINK_KEYS = [FOREIGN]
    token = seal("decide", 17)
    keys.CXCRM_LINK_KEYS = [NEW, OLD]

    assert opened("decide", token) is None


def test_token_under_the_number_of_another_key_opens_nothing(keys):
    keys.CXCRM_LINK_KEYS = ["1:the new secret"]
    token = seal("decide", 17)
    keys.CXCRM_LINK_KEYS = [NEW, OLD]

    assert opened("decide", token) is None


def test_tokens_outlive_their_key_while_it_is_listed_and_no_longer(keys):
    keys.CXCRM_LINK_KEYS = [OLD]
    token = seal("decide", 17)
    keys.CXCRM_LINK_KEYS = [NEW, OLD]
    assert opened("decide", token) == "17"
    assert seal("decide", 17) != token

    keys.CXCRM_LINK_KEYS = [NEW]
    assert opened("decide", token) is None


def broken_tokens() -> dict[str, str]:
    token = seal("decide", 17)
    subject, _, mac = token.partition(".")
    unkeyed = urlsafe_b64encode(sha256(b"decide\x0017").digest()[:16]).rstrip(b"=").decode()
    by_empty_key = urlsafe_b64encode(digest(b"", b"decide\x0017", "sha256")[:16]).rstrip(b"=")
    return {
        "empty": "",
        "no seal": subject,
        "empty seal": f"{subject}.",
        "cut": token[:-1],
        "cut by half": token[:14],
        "longer": f"{token}A",
        "padded": f"{token}==",
        "other row": f"18.{mac}",
        "leading zero": f"0{token}",
        "with a word": f"17-x.{mac}",
        "other case": f"{subject}.{mac.swapcase()}",
        "line break": f"{token}\n",
        "space": f" {token}",
        "full-width digits": token.replace("17", "１７", 1),
        "unkeyed hash": f"17.{unkeyed}",
        "empty key": f"17.{by_empty_key.decode()}",
        "JWT without algorithm": "eyJhbGciOiJub25lIn0.eyJzdWIiOiIxNyJ9.",
        "SQL": "17'--.AAAAAAAAAAAAAAAAAAAAAA",
        "NUL": f"17\0.{mac}",
    }


@pytest.mark.parametrize("how", [*broken_tokens()])
def test_broken_token_opens_nothing(how):
    assert opened("decide", broken_tokens()[how]) is None


def test_code_has_six_digits_and_holds_for_its_row_and_purpose_alone():
    digits = code("decision_code", 17)

    assert len(digits) == 6
    assert digits.isdecimal()
    assert is_code("decision_code", 17, digits)
    assert not is_code("decision_code", 18, digits)
    assert not is_code("other", 17, digits)
    assert not is_code("decision_code", 17, "１２３４５６")


def test_code_outlives_its_key_while_it_is_listed(keys):
    keys.CXCRM_LINK_KEYS = [OLD]
    digits = code("decision_code", 17)
    keys.CXCRM_LINK_KEYS = [NEW, OLD]
    assert is_code("decision_code", 17, digits)

    keys.CXCRM_LINK_KEYS = [NEW]
    assert not is_code("decision_code", 17, digits)


@pytest.mark.parametrize("path", ["/renewal/17.x/", "renewal/17.x/"])
def test_links_begin_with_the_configured_address(settings, path):
    settings.CXCRM_BASE_URL = "https://crm.example.com"

    assert absolute(path) == "https://crm.example.com/renewal/17.x/"
