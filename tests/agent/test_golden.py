"""Golden: the whole document that the agent builds on each fixture machine, as it was last agreed upon.

`MUSTER_TEST_UPDATE=1` writes the files anew; read the difference before committing it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.fixtures.agent_report import LOSSES, body_of, readable
from tests.fixtures.machine import NAMES, Fixture

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", NAMES)
def test_the_document_of_a_machine_is_as_agreed(tmp_path: Path, name: str) -> None:
    built = readable(body_of(Fixture(name, tmp_path), losses=LOSSES if name == "desktop" else None))

    golden = GOLDEN / f"{name}.json"
    if os.environ.get("MUSTER_TEST_UPDATE"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(built, "utf-8")
    assert built == golden.read_text("utf-8")


def test_every_machine_has_its_document_and_no_document_is_left_over() -> None:
    assert sorted(path.stem for path in GOLDEN.glob("*")) == list(NAMES)
