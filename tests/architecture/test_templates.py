from pathlib import Path

import pytest
from django.template.loader import get_template

from tests.architecture.sources import PACKAGES
from tests.servers import REPOSITORY

TEMPLATES = [
    path.relative_to(folder).as_posix()
    for package in PACKAGES
    for folder in (REPOSITORY / package).rglob("templates")
    for path in sorted(folder.rglob("*.*"))
]


@pytest.mark.parametrize("name", TEMPLATES)
def test_template_compiles_and_is_the_one_that_is_found(name):
    found = Path(get_template(name).origin.name)

    assert found.is_relative_to(REPOSITORY)
    assert ".venv" not in found.parts
