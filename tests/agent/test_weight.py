"""Weight: what the agent loads to run, since it must never be what slows a device down."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.agent.answering import MusterServer
from tests.agent.process import environment, running

HEAVY = (
    "asyncio", "concurrent.futures", "csv", "dataclasses", "difflib", "inspect", "logging", "multiprocessing",
    "pathlib", "shutil", "sqlite3", "tempfile", "tomllib", "unittest", "urllib.request", "uuid", "zipfile",
)  # fmt: skip


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The modules that a running agent has loaded after its first report."""
    code = (
        "import json, sys\n"
        "import muster_agent.__main__\n"
        "from muster_agent.config import load\n"
        "from muster_agent.loop import preview\n"
        "from muster_agent.machine import Machine\n"
        "import os\n"
        "preview(load(None, os.environ), Machine())\n"
        "print(json.dumps(sorted(sys.modules)))\n"
    )
    env = environment(tmp_path_factory.mktemp("state"), "http://127.0.0.1:1")
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def bare() -> set[str]:
    """What psutil, http.client and argparse load, which the agent cannot do without."""
    code = "import json, sys, psutil, http.client, argparse; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


def test_nothing_heavy_is_loaded_that_its_libraries_do_not_load(loaded: set[str]) -> None:
    assert loaded & set(HEAVY) - bare() == set()


def test_the_words_that_explain_fields_are_loaded_for_those_alone_who_ask(loaded: set[str]) -> None:
    assert "muster_agent.explain" not in loaded


def test_nothing_outside_the_standard_library_but_psutil_is_loaded(loaded: set[str]) -> None:
    roots = {name.partition(".")[0] for name in loaded}
    foreign = {n for n in roots if n not in sys.stdlib_module_names and not n.startswith(("_", "sitecustomize"))}

    assert foreign <= {"psutil", "muster_agent"}


def test_a_running_agent_holds_at_most_twenty_eight_mebibytes(server: MusterServer, tmp_path: Path) -> None:
    with running(environment(tmp_path / "state", server.url)) as agent:
        server.wait_for(lambda: server.reports)
        peak = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{agent.process.pid}/status").read_text())
        agent.stop()

    assert peak is not None
    assert int(peak[1]) <= 28 * 1_024
