from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import call_command

from tests.servers import REPOSITORY

OUR_APPS = [app for app in apps.get_app_configs() if Path(app.path).is_relative_to(REPOSITORY)]
OUR_APPS = [app for app in OUR_APPS if ".venv" not in Path(app.path).parts]


@pytest.mark.django_db
def test_no_migration_is_missing():
    call_command("makemigrations", check_changes=True, dry_run=True, verbosity=0)


@pytest.mark.parametrize("app", OUR_APPS, ids=lambda app: app.label)
def test_migrations_are_named_by_intent(app):
    names = [path.stem for path in Path(app.path).glob("migrations/[0-9]*.py")]

    assert [name for name in names if "_auto_" in name or name.endswith("_initial")] == []
