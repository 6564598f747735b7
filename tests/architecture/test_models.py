from django.apps import apps
from django.db import models

OURS = {"users", "base", "outbox", "accounts", "loyalty", "consultants", "surveys", "demo"}


def our_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if model._meta.app_label in OURS]


def test_every_constraint_has_a_name_of_its_own_words():
    unnamed = [
        f"{model.__name__}.{constraint.name}"
        for model in our_models()
        for constraint in model._meta.constraints
        if constraint.name.startswith(f"{model._meta.app_label}_{model._meta.model_name}_")
    ]

    assert unnamed == []


def test_people_read_a_name_for_every_model_and_field():
    nameless = [
        f"{model.__name__}.{field.name}"
        for model in our_models()
        if not model.__name__.endswith("Event") and not model._meta.proxy
        for field in model._meta.fields
        if field.editable and not field.primary_key and field._verbose_name is None
    ]

    assert nameless == []
