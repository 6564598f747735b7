"""All rows of all tables, to be compared before and after something that must write nothing."""

from collections.abc import Collection

from django.apps import apps

WRITTEN_BY_SIGNING_IN = {"sessions.Session", "users.User", "users.UserEvent", "axes.AccessLog"}


def table_contents(*, but: Collection[str] = ()) -> dict[str, list[str]]:
    """By the label of their model; `but`: labels of what is written all the same."""
    left_out = WRITTEN_BY_SIGNING_IN.union(but)
    return {
        model._meta.label: sorted(map(str, model.objects.values_list()))
        for model in apps.get_models()
        if model._meta.label not in left_out and model._meta.managed
    }
