from datetime import timedelta

import pytest
from django.test import RequestFactory

from cxcrm.base.robots import (
    LONGEST_READING,
    NONCE_FIELD,
    SHORTEST_READING,
    TRAP_FIELD,
    Doubt,
    doubt,
    form_nonce,
)

READER, OTHER = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def shown(time_machine) -> str:
    """The nonce of a form to keep contract 17, shown to the reader five seconds ago."""
    time_machine.move_to("2026-06-01T10:00:00Z", tick=False)
    nonce = form_nonce(RequestFactory().get("/", REMOTE_ADDR=READER), "keep:17")
    time_machine.shift(5)
    return nonce


def posted(*, address=READER, purpose="keep:17", **fields):
    return doubt(RequestFactory().post("/", fields, REMOTE_ADDR=address), purpose)


def test_reader_is_not_doubted(shown):
    assert posted(**{NONCE_FIELD: shown, TRAP_FIELD: ""}) is None


def test_form_without_nonce_is_doubted():
    assert posted() == Doubt.MISSING


@pytest.mark.parametrize("nonce", ["1", "1780308000:made-up", ":", "1780308000"])
def test_made_up_nonce_is_doubted(nonce):
    assert posted(**{NONCE_FIELD: nonce}) == Doubt.FOREIGN


def test_nonce_shown_to_another_address_is_doubted(shown):
    assert posted(address=OTHER, **{NONCE_FIELD: shown}) == Doubt.FOREIGN


@pytest.mark.parametrize("purpose", ["keep:18", "code:17"])
def test_nonce_for_another_purpose_is_doubted(shown, purpose):
    assert posted(purpose=purpose, **{NONCE_FIELD: shown}) == Doubt.FOREIGN


def test_form_with_the_hidden_field_filled_in_is_doubted(shown):
    assert posted(**{NONCE_FIELD: shown, TRAP_FIELD: "https://spam.example"}) == Doubt.TRAPPED


@pytest.mark.parametrize(
    ("later", "expected"),
    [
        (SHORTEST_READING - timedelta(seconds=1), Doubt.TOO_FAST),
        (SHORTEST_READING, None),
        (LONGEST_READING, None),
        (LONGEST_READING + timedelta(seconds=1), Doubt.OLD),
    ],
)
def test_form_comes_back_after_the_time_that_a_person_takes(time_machine, later, expected):
    time_machine.move_to("2026-06-01T10:00:00Z", tick=False)
    nonce = form_nonce(RequestFactory().get("/", REMOTE_ADDR=READER), "keep:17")
    time_machine.shift(later)

    assert posted(**{NONCE_FIELD: nonce}) == expected
