"""Celery says nothing about unknown names, so every name that is queued is checked here."""

import ast

import pytest
from celery import current_app
from django.conf import settings

from tests.architecture.sources import python_sources

BUILT_IN = "celery."


@pytest.fixture(scope="module")
def registered() -> set[str]:
    current_app.loader.import_default_modules()
    return {name for name in current_app.tasks if not name.startswith(BUILT_IN)}


def test_beat_schedules_registered_tasks_only(registered):
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert scheduled - registered == set()


def test_every_name_that_is_queued_after_commit_is_registered(registered):
    constants: dict[str, str] = {}
    queued: set[str] = set()
    for path in python_sources():
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                constants[ast.unparse(node.targets[0])] = node.value.value
        queued |= {
            ast.unparse(node.args[0])
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("after_commit")
        }

    assert queued
    assert {constants.get(name, name) for name in queued} - registered == set()


def test_every_task_swallows_arguments_that_it_does_not_know(registered):
    tasks = [current_app.tasks[name] for name in registered]

    assert [task.name for task in tasks if "unknown" not in task.run.__annotations__] == []
