"""ARR of the real feed, against the raw file read by nothing of ours."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from accounts.models import DailyRevenue
from accounts.selectors.revenue import company_revenue
from accounts.services.exchange_rates import add_exchange_rate
from accounts.services.revenue import recompute_revenue
from cxcrm.base.clock import instant_on
from tests.accounts.imports.feeds import take_in
from tests.accounts.revenue_reference import telco_arr
from tests.factories import BrandFactory

pytestmark = pytest.mark.django_db

AS_OF = date(2026, 3, 31)


def test_arr_of_the_telco_feed_is_that_of_the_raw_file(shared_data):
    feed = shared_data / "telco-churn" / "telco_churn.csv.gz"
    BrandFactory(code="telco")
    take_in(feed, mapping="telco", as_of=AS_OF, brand="telco")
    add_exchange_rate(currency="USD", valid_from=date(2020, 1, 1), rate=Decimal("0.5"))

    recompute_revenue(since=AS_OF, until=AS_OF, at=instant_on(AS_OF + timedelta(days=1)))

    arr, contracts = telco_arr(feed)
    figure = DailyRevenue.objects.get()
    assert (figure.arr, figure.contracts, figure.accounts) == (arr, contracts, contracts)
    assert figure.arr_under_notice == 0
    [day] = company_revenue(since=AS_OF, until=AS_OF)
    assert day.arr == arr / 2
