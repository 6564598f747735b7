import cProfile, pstats, json, time, sys
from datetime import datetime, UTC, date
import pytest
from tests.api.test_imports import send, SCOPES
from tests.api.bulk import ACCOUNT, CONTRACT, ndjson, send_lines
from tests.factories import *

@pytest.mark.django_db
def test_big(make_api_client):
    brand = BrandFactory(code="sun")
    api = make_api_client(*SCOPES)
    body = ndjson([ACCOUNT | {"external_id": f"K{n}"} for n in range(220_000)])
    print("MB", len(body)/2**20)
    t=time.perf_counter(); r = send(api, body, kind="accounts"); print("send", r.status_code, time.perf_counter()-t)

@pytest.mark.django_db
def test_bulk(make_api_client):
    brand = BrandFactory(code="sun")
    AccountFactory(brand=brand, external_id="K1")
    ProductFactory(brand=brand, code="pro")
    api = make_api_client(*SCOPES)
    body = ndjson([CONTRACT | {"external_id": f"V{n}"} for n in range(10_000)])
    p = cProfile.Profile()
    t=time.perf_counter(); p.enable(); r = send_lines(api, "contracts/bulk/", body); p.disable(); print("bulk", r.status_code, time.perf_counter()-t)
    pstats.Stats(p).sort_stats("cumtime").print_stats(45)
    from django.db import connection
