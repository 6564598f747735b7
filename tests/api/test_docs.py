"""Whoever follows docs/api.md gets the answers that stand there."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cxcrm.api.enums import SCOPES
from cxcrm.api.services import make_key
from cxcrm.base import clock
from cxcrm.demo.catalogue import BRANDS
from tests.factories import BrandFactory
from tests.processes.deployment import Deployment
from tests.servers import REPOSITORY

BLOCK = re.compile(
    r"^```sh\n(?P<commands>.*?)^```\n(?:```json\n(?P<answer>.*?)^```$)?", re.M | re.S
)
LONGEST = 120
# What curl is told in addition.
PRELUDE = 'curl() { command curl --silent --show-error --fail-with-body "$@"; }'
OURS = {"id", "account", "contract", "contact", "product", "import", "request_id"}
WRITTEN_AS = (
    re.compile(r"\d{4}-\d\d-\d\d"),
    re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
)


@dataclass(frozen=True)
class Example:
    commands: str
    answer: Any

    @property
    def is_refused(self) -> bool:
        return isinstance(self.answer, dict) and "error" in self.answer


def examples() -> list[Example]:
    text = (REPOSITORY / "docs" / "api.md").read_text()
    return [
        Example(block["commands"], json.loads(block["answer"]) if block["answer"] else None)
        for block in BLOCK.finditer(text)
    ]


@pytest.fixture
def server(deployment: Deployment) -> Iterator[dict[str, str]]:
    """The variables of the examples; the brand is that of the demo."""
    if shutil.which("curl") is None:
        pytest.skip("curl is missing: apt-get install curl")
    BrandFactory(code="nordlicht", **BRANDS["nordlicht"])
    key = make_key(name="docs", scopes=SCOPES, brand_ids=None, at=clock.now(), actor=None)
    address = deployment.start_web()
    deployment.start_worker()
    return deployment.environment | {"CXCRM_URL": address, "CXCRM_KEY": key.text}


def test_examples_answer_what_the_page_says(server, tmp_path):
    blocks = examples()

    answers = run(blocks, server, tmp_path)

    assert len(blocks) > 10
    for block, said in zip(blocks, answers, strict=True):
        if block.answer is not None:
            assert comparable(json.loads(said)) == comparable(block.answer), block.commands


def run(blocks: list[Example], environment: dict[str, str], folder: Path) -> list[str]:
    """What each prints, one after the other in one shell, as somebody would type them."""
    script = [PRELUDE]
    for number, block in enumerate(blocks):
        test = "-ne" if block.is_refused else "-eq"
        script.append(f"{{\n{block.commands}}} > {number}.json")
        script.append(f"[ $? {test} 0 ] || {{ cat {number}.json >&2; exit 1; }}")
    shell = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST,
    )
    assert shell.returncode == 0, shell.stderr
    return [(folder / f"{number}.json").read_text() for number in range(len(blocks))]


def comparable(said: Any, name: str = "") -> Any:
    """An answer without what is another in each database and on each day."""
    if isinstance(said, dict):
        return {inner: comparable(value, inner) for inner, value in said.items()}
    if isinstance(said, list):
        return [comparable(value) for value in said]
    if name in OURS and said is not None:
        return type(said).__name__
    if isinstance(said, str):
        return next((form.pattern for form in WRITTEN_AS if form.fullmatch(said)), said)
    return said
