import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def variables_read():
    """The names in calls like `env.str("NAME", ...)` of the settings."""
    tree = ast.parse((ROOT / "cxcrm" / "settings.py").read_text())
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
    }


def variables_documented():
    page = (ROOT / "docs" / "configuration.md").read_text()
    table = page.partition("## Variables")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([A-Z_]+)` \|", table, re.MULTILINE)


def test_configuration_table_lists_each_variable_once():
    assert sorted(variables_documented()) == sorted(variables_read())
