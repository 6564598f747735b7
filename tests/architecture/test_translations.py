"""Every text that people read exists in every language: none missing, none fuzzy, none stale."""

import re
from io import BytesIO

import pytest
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from django.conf import settings

from tests.architecture.sources import PACKAGES
from tests.servers import REPOSITORY

LANGUAGES = [code for code, _ in settings.LANGUAGES if code != "en"]


def catalog_path(language):
    return REPOSITORY / "cxcrm" / "locale" / language / "LC_MESSAGES" / "django.po"


@pytest.fixture(params=LANGUAGES)
def catalog(request):
    with catalog_path(request.param).open("rb") as file:
        return read_po(file, locale=request.param)


@pytest.fixture(scope="module")
def extracted() -> set[tuple[str, tuple[str, ...]]]:
    """All texts with the file that they stand in; one with a plural has two parts."""
    with (REPOSITORY / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    keywords = DEFAULT_KEYWORDS | {"gettext_lazy": None, "ngettext_lazy": (1, 2)}
    return {
        (file_name, text if isinstance(text, tuple) else (text,))
        for package in PACKAGES
        for file_name, _, text, _, _ in extract_from_dir(
            REPOSITORY / package, methods, options, keywords=keywords
        )
    }


@pytest.fixture(scope="module")
def messages(extracted) -> set[tuple[str, ...]]:
    return {text for _file_name, text in extracted}


def test_every_text_is_translated(messages, catalog):
    translated = {
        message.id if isinstance(message.id, tuple) else (message.id,)
        for message in catalog
        if message.id and not message.fuzzy and all(_parts(message.string))
    }

    assert messages
    assert sorted(messages - translated) == []


def test_no_text_of_a_template_has_a_percent_sign_of_its_own(extracted):
    """Django looks such a text up with two of them and never finds it: put it into a variable."""
    lonely = re.compile(r"%(?![(sd%])")

    of_templates = [text for file_name, text in extracted if not file_name.endswith(".py")]
    assert of_templates
    assert [text for text in of_templates if any(map(lonely.search, filter(None, text)))] == []


def test_no_text_is_stale_or_fuzzy(messages, catalog):
    known = {message.id if isinstance(message.id, tuple) else (message.id,) for message in catalog}

    assert sorted(known - messages - {("",)}) == []
    assert [message.id for message in catalog if message.fuzzy and message.id] == []


def test_placeholders_are_those_of_the_source(catalog):
    assert [(message.id, errors) for message, errors in catalog.check()] == []


def test_compiled_catalog_is_that_of_the_source(catalog):
    compiled = BytesIO()
    write_mo(compiled, catalog)

    path = catalog_path(catalog.locale.language).with_suffix(".mo")
    assert path.read_bytes() == compiled.getvalue()


def _parts(string):
    return string if isinstance(string, tuple) else (string,)
