from datetime import date

import pytest

from benchmarks.api import calls, measure
from benchmarks.data import fill
from cxcrm.api.models import ApiKey


@pytest.mark.django_db
def test_every_call_is_answered_by_both_and_no_key_stays(capsys):
    fill(scale=0.001, seed=7, day=date(2026, 6, 1))

    measure(rounds=1)

    table = capsys.readouterr().out
    assert [call.name for call in calls() if call.name not in table] == []
    assert not ApiKey.objects.exists()
