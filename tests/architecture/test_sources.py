"""Rules of the house that no linter knows."""

import ast

from tests.architecture.sources import python_sources
from tests.servers import REPOSITORY


def violations(found) -> list[str]:
    return [
        f"{path.relative_to(REPOSITORY)}:{node.lineno}"
        for path in python_sources()
        for node in ast.walk(ast.parse(path.read_text()))
        if found(path, node)
    ]


def calls(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in names


def test_raw_sql_stands_in_the_sql_rooms_only():
    def raw(path, node):
        in_room = "sql" in path.parts or path.stem == "sql"
        is_raw = calls(node, "connection.cursor", "RawSQL") or (
            isinstance(node, ast.Attribute) and node.attr in ("raw", "extra", "cursor")
        )
        return is_raw and not in_room and "embedded" not in path.parts

    assert violations(raw) == []


def test_the_clock_is_read_at_one_place():
    def reads(path, node):
        elsewhere = path.parts[-2:] != ("base", "clock.py")
        return elsewhere and calls(node, "timezone.now", "datetime.now", "date.today")

    assert violations(reads) == []


def test_services_selectors_models_and_sql_do_not_ask_for_the_time():
    rooms = {"services", "selectors", "models", "sql", "querysets", "rules"}

    def asks(path, node):
        in_room = rooms & {*path.parts, path.stem}
        return in_room and calls(node, "clock.now", "now")

    assert violations(asks) == []


def test_models_do_not_override_save_or_order_themselves():
    def overrides(path, node):
        in_models = "models" in path.parts or path.stem == "models"
        if not in_models:
            return False
        if isinstance(node, ast.FunctionDef):
            return node.name in ("save", "delete")
        return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "ordering"

    assert violations(overrides) == []


def test_no_signal_receivers_of_our_own():
    def receives(path, node):
        return (isinstance(node, ast.ImportFrom) and node.module == "django.dispatch") or (
            isinstance(node, ast.ImportFrom) and (node.module or "").endswith("db.models.signals")
        )

    assert violations(receives) == []


def test_imports_stand_at_the_top_but_for_ready():
    def inside(path, node):
        if (
            not isinstance(node, ast.FunctionDef)
            or node.name == "ready"
            or path.name == "manage.py"
        ):
            return False
        return any(isinstance(child, ast.Import | ast.ImportFrom) for child in ast.walk(node))

    assert violations(inside) == []


def test_modules_stay_below_four_hundred_lines():
    long = [
        str(path.relative_to(REPOSITORY))
        for path in python_sources()
        if len(path.read_text().splitlines()) > 400
    ]

    assert long == []
