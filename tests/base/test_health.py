import time

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from tests.factories import UserFactory


def test_live_answers_without_the_database(client, database_away):
    response = client.get("/health/live")

    assert (response.status_code, response.json()) == (200, {"status": "live"})


@pytest.mark.django_db
def test_ready_answers_anonymous_probes(client):
    response = client.get("/health/ready")

    assert response.status_code == 200
    assert response.json() == {
        "status": "ready",
        "checks": {"database": "ok", "broker": "ok"},
    }
    assert "no-store" in response["Cache-Control"]


def test_ready_answers_503_soon_when_the_database_is_away(client, database_away):
    started = time.monotonic()
    response = client.get("/health/ready")

    assert time.monotonic() - started < 4
    assert response.status_code == 503
    assert response.json()["checks"]["database"] == "failed"
    assert "127.0.0.1" not in response.content.decode()


@pytest.mark.django_db
def test_ready_answers_503_while_a_migration_is_missing(client):
    newest = MigrationRecorder.Migration.objects.filter(app="users").order_by("name").last()
    newest.delete()

    response = client.get("/health/ready")

    assert response.status_code == 503
    assert response.json()["checks"]["database"] == "failed"


@pytest.mark.django_db
def test_ready_answers_503_without_the_table_of_the_cache(client):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE cxcrm_cache RENAME TO elsewhere")

    assert client.get("/health/ready").status_code == 503


@pytest.mark.django_db
def test_ready_only_tells_that_the_broker_is_away(client, settings):
    from celery import current_app

    url = current_app.conf.broker_write_url
    current_app.conf.broker_write_url = "redis://127.0.0.1:1/0"
    try:
        response = client.get("/health/ready")
    finally:
        current_app.conf.broker_write_url = url

    assert response.status_code == 200
    assert response.json()["checks"] == {"database": "ok", "broker": "failed"}


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/live", "/health/ready"])
def test_health_takes_questions_only(client, path):
    client.force_login(UserFactory())
    assert client.post(path).status_code == 405


@pytest.mark.parametrize("path", ["/health/live"])
def test_health_is_not_redirected_to_https(client, settings, path):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get(path).status_code == 200
    assert client.get("/account/login/").status_code == 301
