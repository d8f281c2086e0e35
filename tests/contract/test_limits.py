"""Numbers that stand on both sides are the same on both sides."""

from __future__ import annotations

import gzip
import json
import random
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
from tests.fixtures.agent_report import STREAM

from muster_agent import collectors, enrolment, sender, transport
from muster_agent.collectors import hardware, software
from muster_agent.sampler import AVAILABLE_EDGES, EDGES, FAULT_EDGES
from muster_server.ingest import schema, sections

LATER = ("429", "503")  # come again later: no refusal
NOT_ON_ROUTE = {"enrol": {"too-large"}, "reports": {"enrolment-refused"}}


def bounds(struct: type[Any], field: str) -> dict[str, Any]:
    """The bounds that the server sets on a field."""
    described = msgspec.json.schema(struct)["$defs"][struct.__name__]["properties"][field]
    options = described.get("anyOf", [described])
    found: dict[str, Any] = next(option for option in options if option.get("type") != "null")
    return found


def test_levels_have_the_edges_that_the_server_documents() -> None:
    text = " ".join((sections.UseHour.__doc__ or "").split())

    assert f"edges {' '.join(map(str, EDGES))} percent" in text
    for name in ("cpu", "memory", "disk"):
        assert bounds(sections.UseHour, name)["minItems"] == bounds(sections.UseHour, name)["maxItems"] == 12
    assert len(EDGES) - 1 == 12


def test_the_table_of_memory_pressure_has_the_servers_rows_and_columns() -> None:
    text = " ".join((sections.UseHour.__doc__ or "").split())

    assert f"under {', '.join(map(str, AVAILABLE_EDGES))} and up to 100 percent" in text
    assert f"hard faults a second under {', '.join(f'{edge:,}' for edge in FAULT_EDGES)} and above" in text
    assert len(AVAILABLE_EDGES) + 1 == len(FAULT_EDGES) + 1 == 4


def test_counts_and_sizes_of_the_agent_fit_the_servers() -> None:
    assert sender.MOST_REPORTS == schema.MAX_REPORTS
    assert transport.MOST_WIRE_BYTES == schema.MAX_WIRE_BYTES
    assert sender.MOST_BYTES < schema.MAX_INFLATED_BYTES
    assert software.MOST_TITLES == sections.MAX_TITLES
    assert bounds(sections.Hardware, "drives")["maxItems"] >= hardware._MOST_DRIVES


def test_every_section_of_the_agent_is_one_of_the_servers() -> None:
    assert {collector.name for collector in collectors.COLLECTORS} | {"use", "agent"} == set(sections.SECTIONS)


def test_every_class_that_the_agent_finds_is_one_of_the_servers() -> None:
    found = {*hardware._CLASSES.values(), "virtual", "unknown"}

    assert found == set(get_args(sections.DeviceClass))


def test_every_refusal_of_the_server_is_one_that_the_agent_heeds() -> None:
    server = "".join(path.read_text("utf-8") for path in Path(str(schema.__file__)).parent.glob("*.py"))
    problems = re.findall(r'ProblemError\(\s*(\d+), "([\w-]+)"', server)
    refusals = {kind for status, kind in problems if status not in LATER}

    for route, module in (("enrol", enrolment), ("reports", sender)):
        heeded = Path(str(module.__file__)).read_text("utf-8")
        assert {kind for kind in refusals if f'"{kind}"' not in heeded} == NOT_ON_ROUTE[route]


def test_a_device_with_all_titles_that_fit_stays_under_the_limit_on_the_wire() -> None:
    chosen = random.Random(7)
    words = ["lib", "python3", "perl", "gnome", "kde", "data", "common", "dev", "fonts", "plugin", "core", "utils"]
    listed = [
        {
            "name": "-".join(chosen.sample(words, 3)) + str(number),
            "version": f"{chosen.randrange(99)}.{chosen.randrange(9_999)}-{chosen.randrange(9)}+deb12u1",
            "source": "dpkg",
            "installed_on": f"2026-{chosen.randrange(1, 13):02}-{chosen.randrange(1, 29):02}",
        }
        for number in range(software.MOST_TITLES)
    ]
    report = {"report_id": f"{STREAM}:1", "schema": 1, "sections": {"software": {"titles": listed, "more_titles": 9}}}
    body = json.dumps({"sent_at": "x", "reports": [report]}, separators=(",", ":")).encode()

    assert 400_000 < len(body) < schema.MAX_INFLATED_BYTES
    assert len(gzip.compress(body, 6)) < schema.MAX_WIRE_BYTES
