"""`show --explain`: every field that the server knows is explained, none that is not sent, as the design keeps them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_origin, get_type_hints

import msgspec
import pytest

from muster_agent.explain import FIELDS
from muster_server.config import Settings
from muster_server.ingest.schema import EnrolRequest, Envelope, RawReport
from muster_server.ingest.sections import SECTIONS
from muster_server.jobs.fold import FACT_DAYS
from muster_server.jobs.retention import _EXACT_DAYS

KNOWN: dict[str, object] = {"enrolment": EnrolRequest, "envelope": Envelope, "report": RawReport, **SECTIONS}


def paths(kind: object, before: str = "") -> Iterator[str]:
    """The fields below a type of the wire, joined by dots; one without any stands for itself."""
    struct = next(structs(kind), None)
    if struct is None:
        yield before
        return
    for name, of in get_type_hints(struct).items():
        yield from paths(of, f"{before}.{name}".lstrip("."))


def structs(kind: object) -> Iterator[type[msgspec.Struct]]:
    """The structs that a type, a list or a mapping of it holds."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    elif get_origin(kind) is not None or get_args(kind):
        for inner in get_args(kind):
            yield from structs(inner)


@pytest.mark.parametrize("section", KNOWN)
def test_every_field_that_the_server_knows_is_explained_once_and_no_other(section: str) -> None:
    explained = [field for why in FIELDS[section] for field in why.fields.split()]

    assert sorted(explained) == sorted(paths(KNOWN[section]))


def test_no_section_is_explained_that_is_not_sent() -> None:
    assert list(FIELDS) == list(KNOWN)


def test_how_long_fields_are_kept_is_what_the_server_does() -> None:
    told = {int(days) for whys in FIELDS.values() for why in whys for days in re.findall(r"(\d+) days", why.kept)}

    assert told == {Settings().raw_report_days, Settings().use_hour_days, _EXACT_DAYS}
    assert FACT_DAYS == 396  # what is called 13 months


def test_show_explains_each_field_without_a_server_or_a_report(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "muster_agent", "show", "--explain"]
    shown = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60).stdout

    fields = [field for whys in FIELDS.values() for why in whys for field in why.fields.split()]
    assert re.findall(r"^  (\S+)$", shown, flags=re.MULTILINE) == fields
    assert shown.count("; kept: ") == len(fields)
