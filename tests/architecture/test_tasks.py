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
    queued = set()
    for path in python_sources():
        tree = ast.parse(path.read_text())
        constants = {
            node.targets[0].id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Constant)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "after_commit":
                assert isinstance(node.args[0], ast.Name), f"{path}: queue by a constant"
                queued.add(constants.get(node.args[0].id, f"{path}: {node.args[0].id}"))

    assert queued
    assert queued - registered == set()


def test_every_task_swallows_arguments_that_it_does_not_know(registered):
    tasks = [current_app.tasks[name] for name in registered]

    assert [task.name for task in tasks if "unknown" not in task.run.__annotations__] == []
