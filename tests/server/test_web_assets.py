"""What the server hands to browsers is what was built here, and calls nobody."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "server" / "muster_server" / "web" / "static"
SUMS = ROOT / "server" / "assets" / "SHA256SUMS"


def test_the_committed_files_are_those_that_were_built_from_these_sources() -> None:
    listed = dict(line.split("  ")[::-1] for line in SUMS.read_text("utf-8").splitlines())
    wanted = [*STATIC.iterdir(), *(ROOT / "server" / "assets").glob("*.scss"), *(ROOT / "tests/e2e/axe").iterdir()]
    found = {str(path.relative_to(ROOT)): hashlib.sha256(path.read_bytes()).hexdigest() for path in wanted}

    assert found.items() <= listed.items()


def test_the_style_sheet_loads_nothing_and_carries_no_font_of_others() -> None:
    sheet = (STATIC / "muster.css").read_text("utf-8")

    assert re.findall(r"https?://(?!\")[^\"'()\s]+|@import|@font-face|//[a-z]", sheet) == []
    assert [url for url in re.findall(r"url\(([^)]*)\)", sheet) if not url.startswith('"data:')] == []
    assert "GDS" not in sheet
    assert (STATIC / "govuk-frontend.LICENSE").read_text("utf-8").startswith("The MIT License")


def test_templates_hold_no_script_no_inline_style_and_no_other_host() -> None:
    for path in (STATIC.parent / "templates").iterdir():
        assert re.findall(r"<script|\sstyle=|\son[a-z]+=|https?://", path.read_text("utf-8")) == [], path.name
