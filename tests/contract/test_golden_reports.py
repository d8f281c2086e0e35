"""Golden reports: what agents in the field send, by schema, which the server must take for ever.

A file here is never changed. A new field needs a new file beside the old ones.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from flask import Flask
from msgspec import inspect
from sqlalchemy import select
from tests.contract.reading import lost
from tests.server.door import Device, enrolment_key

from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.ingest.schema import Envelope, RawReport
from muster_server.ingest.sections import SECTIONS
from muster_server.jobs import fold
from muster_server.models import device_sections

FILES = sorted((Path(__file__).parent / "golden").glob("schema-*/*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_a_report_of_an_agent_in_the_field_is_taken_whole_and_folds(
    app: Flask, database: Database, settings: Settings, file: Path
) -> None:
    device = Device(app.test_client(), enrolment_key(database))
    sent = json.loads(file.read_text("utf-8"))

    answer = device.post_bytes(gzip.compress(file.read_bytes()))

    assert answer.json["accepted"] == [report["report_id"] for report in sent["reports"]]
    assert answer.json["refused"] == []
    assert lost(file.read_bytes()) == []
    assert fold.run(database, settings, now=now_ms()) == len(sent["reports"])
    with database.read() as connection:
        kept = set(connection.scalars(select(device_sections.c.section)))
    assert "fold" not in kept  # where a report that cannot be folded is noted
    assert kept == kept & {name for report in sent["reports"] for name in report.get("sections", {})}


def test_every_field_of_the_wire_stands_in_a_golden_report() -> None:
    sent = {path for file in FILES for path in paths(json.loads(file.read_text("utf-8")), "")}
    known = {f".{path}" for kind in (Envelope, RawReport) for path in fields(inspect.type_info(kind), "")}
    known |= {f".{n}{'.' if p else ''}{p}" for n, kind in SECTIONS.items() for p in fields(inspect.type_info(kind), "")}

    assert known - {normal(path) for path in sent} == set()


def normal(path: str) -> str:
    """A path as the structs have it: the place of a report and of a section within it taken off."""
    path = path.removeprefix(".reports.")
    return "." + path.removeprefix(".").removeprefix("sections.")


def paths(value: Any, where: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            yield f"{where}.{name}"
            yield from paths(part, f"{where}.{name}")
    elif isinstance(value, list):
        for part in value:
            yield from paths(part, where)


def fields(kind: inspect.Type, where: str) -> Iterator[str]:
    """The paths of all fields under a type."""
    match kind:
        case inspect.StructType(fields=parts):
            for part in parts:
                path = f"{where}.{part.encode_name}".removeprefix(".")
                yield path
                yield from fields(part.type, path)
        case inspect.ListType(item_type=item):
            yield from fields(item, where)
        case inspect.UnionType(types=options):
            for option in options:
                yield from fields(option, where)
        case inspect.Metadata(type=inner):
            yield from fields(inner, where)


def test_a_field_that_no_golden_report_holds_would_be_found() -> None:
    class Odd(msgspec.Struct):
        inner: list[RawReport]

    assert "inner.report_id" in set(fields(inspect.type_info(Odd), ""))
