"""The Windows service, as far as it is the same on any system: whom it trusts, what it obeys, what it tells where."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.agent.answering import MusterServer, Reply
from tests.agent.process import ROOT, command, environment

from muster_agent.service import manager
from muster_agent.service.folder import ADMINISTRATORS, PRIVATE, SYSTEM, judge
from muster_agent.service.log import MOST_BYTES, Log
from muster_agent.service.news import EVENTS, Event, News
from muster_agent.stopping import Stopping
from muster_agent.transport import Client, NetworkFaultError
from muster_agent.worker import Worker

TRUSTED = frozenset((SYSTEM, ADMINISTRATORS))
PERSON = "S-1-5-21-1111111111-2222222222-3333333333-1001"
README = (ROOT / "agent" / "README.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("sddl", "verdict"),
    [
        (PRIVATE, "good"),
        ("O:BAG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", "good"),
        ("O:S-1-5-18D:P(A;OICI;FA;;;S-1-5-18)(D;OICI;FA;;;BU)", "good"),  # a refusal lets nobody in
        # As ProgramData hands its rights down: users may read, and whoever made a thing may do everything.
        ("O:SYG:SYD:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIIOID;GA;;;CO)(A;OICIID;0x1200a9;;;BU)", "open"),
        ("O:SYG:SYD:(A;OICI;FA;;;SY)(A;OICIID;FA;;;BA)", "open"),  # what comes from above may change there
        (f"O:SYG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FR;;;{PERSON})", "open"),
        ('O:SYD:P(XA;OICI;FA;;;WD;(@User.Title=="Sergeant"))', "open"),
        ("O:SYD:NO_ACCESS_CONTROL", "open"),
        ("O:SYG:SY", "open"),
        (f"O:{PERSON}G:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", "foreign"),  # an owner may let himself in again
        ("O:BUG:SYD:PAI(A;OICI;FA;;;SY)", "foreign"),
        ("D:PAI(A;OICI;FA;;;SY)", "foreign"),
        ("", "foreign"),
    ],
)
def test_a_state_folder_is_trusted_when_it_is_ours_alone(sddl: str, verdict: str) -> None:
    assert judge(sddl, TRUSTED) == verdict


@given(text=st.text(alphabet="OGDSP:AI();BWY-15,x0FACU", max_size=80))
def test_no_nonsense_is_trusted_or_breaks_the_judgement(text: str) -> None:
    assert judge(text, TRUSTED) in ("open", "foreign", "good")
    assert judge(f"O:{PERSON}{text}", TRUSTED) == "foreign"
    assert judge(f"O:SYD:P{text.replace('D:', '')}(A;OICI;FR;;;{PERSON})", TRUSTED) == "open"


@pytest.mark.parametrize(
    ("control", "event", "wish"),
    [(1, 0, "stop"), (5, 0, "stop"), (13, 0x12, "wake"), (13, 0x7, "wake"), (13, 0x4, "nothing"), (4, 0, "nothing"),
     (2, 0, "unknown"), (128, 0, "unknown")],
)  # fmt: skip
def test_the_service_manager_is_obeyed_in_what_was_announced(control: int, event: int, wish: str) -> None:
    assert manager.told(control, event) == wish


def test_the_log_keeps_to_its_size_and_the_newest_lines(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "agent.log"), most_bytes=2_000)

    for number in range(200):
        log.write("2026-11-25T09:30:00.000Z", f"line {number}")

    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert sum(sizes) <= 2_000
    kept = ((tmp_path / "agent.log.1").read_text() + (tmp_path / "agent.log").read_text()).splitlines()
    assert kept[-1] == "2026-11-25T09:30:00.000Z line 199"
    assert [int(line.split()[-1]) for line in kept] == list(range(200 - len(kept), 200))


def test_one_endless_line_does_not_make_the_log_larger(tmp_path: Path) -> None:
    log = Log(str(tmp_path / "agent.log"), most_bytes=1_000)

    for _ in range(3):
        log.write("now", "é" * 9_000)

    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 1_000


def test_a_log_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    Log(str(tmp_path / "nowhere" / "agent.log")).write("now", "lost")
    assert not list(tmp_path.iterdir())


class Heard:
    """Places that remember."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.events: list[int] = []
        self.values: dict[str, str] = {}

    def log(self, line: str) -> None:
        self.lines.append(line)

    def report(self, event: Event, line: str) -> None:
        assert line
        self.events.append(event.number)

    def status(self, name: str, value: str) -> None:
        self.values[name] = value


def test_news_go_where_they_belong_and_what_lasts_is_told_once() -> None:
    heard, known = Heard(), [""]
    news = News(heard, lambda: known[0] or None)

    news.began()
    assert heard.values == {"DeviceId": "", "EnrolState": "waiting", "LastError": ""}
    for _ in range(3):
        news.tell("unreachable", "The server cannot be reached: no route.")
    assert heard.values["LastError"] == "The server cannot be reached: no route."
    known[0] = "device-1"
    news.tell("enrolled", "Enrolled as device device-1.")
    for minute in (15, 30):
        news.tell("accepted", f"2026-11-25T09:{minute}:00.000Z")
    news.tell("unreachable", "The server cannot be reached: no route.")
    news.tell("stopped", "Stopped.")

    assert heard.events == [100, 121, 110, 120, 121, 101]
    assert [line.split()[0] for line in heard.lines] == ["Muster", *3 * ["The"], "Enrolled", "The", "The", "Stopped."]
    assert heard.values == {
        "DeviceId": "device-1", "EnrolState": "enrolled", "LastAcceptedReport": "2026-11-25T09:30:00.000Z",
        "LastError": "The server cannot be reached: no route.",
    }  # fmt: skip


def test_a_device_that_is_let_in_nowhere_says_so() -> None:
    heard = Heard()
    news = News(heard, lambda: None)

    news.began()
    news.tell("refused", "Enrolment was refused: the key has expired")

    assert (heard.values["EnrolState"], heard.values["LastError"]) == (
        "refused", "Enrolment was refused: the key has expired",
    )  # fmt: skip
    news.tell("enrolled", "Enrolled as device device-1.")
    assert (heard.values["EnrolState"], heard.values["LastError"]) == ("enrolled", "")


def test_every_event_has_a_number_of_its_own_and_its_row() -> None:
    numbers = [event.number for event in EVENTS.values()]
    told = {int(number): level for number, level in re.findall(r"^\| (\d{3}) \| (\w+) \|", README, flags=re.MULTILINE)}

    assert len(set(numbers)) == len(numbers)
    assert told == dict(EVENTS.values())
    assert f"at most {MOST_BYTES // 10**6} MB" in README


def test_elsewhere_the_service_says_how_to_run_the_agent(tmp_path: Path) -> None:
    done = command("service", env=environment(tmp_path, ""))

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "muster-agent: `service` is how Windows starts the agent; here it is `muster-agent run`.\n"


def test_a_request_aside_gives_what_it_would_here(server: MusterServer) -> None:
    with closing(Client(server.url)) as client:
        client._worker = Worker(5.0)
        assert client.get("/readyz").status == 200
        server.answers.append(Reply(302, b"", "text/html"))
        with pytest.raises(NetworkFaultError, match="status 302 from something that is not Muster"):
            client.get("/readyz")


def test_told_to_stop_during_a_request_aside_the_main_thread_leaves_it_behind(server: MusterServer) -> None:
    server.rule = lambda _request: Reply(hang=True)
    stopping = Stopping()

    def stop() -> None:
        server.wait_for(lambda: server.requests)
        stopping.stop()

    with closing(Client(server.url)) as client:
        client._worker = Worker(60.0)
        thread = threading.Thread(target=stop)
        with stopping.listening():
            thread.start()
            client.get("/readyz")
        thread.join()

    assert stopping.asked


def test_a_rest_ends_when_it_is_over_and_when_another_thread_says_so() -> None:
    code = """
import threading
from muster_agent.stopping import Stopping
stopping = Stopping()
def after(call):
    threading.Timer(0.2, call).start()
with stopping.listening():
    print(stopping.rest(0.01))
    after(stopping.wake)
    print(stopping.rest(60))
    print(stopping.rest(0.01))
    after(stopping.stop)
    stopping.rest(60)
    print("never")
print("stopped", stopping.asked)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "agent")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["False", "True", "False", "stopped", "True"]


def test_an_uninstall_leaves_nothing_of_what_the_agent_kept(server: MusterServer, tmp_path: Path) -> None:
    state = tmp_path / "Agent"
    env = environment(state, server.url)
    command("once", env=env)
    (state / "agent.log").write_text("2026-11-25T09:30:00.000Z Stopped.\n")
    (state / "agent.log.1").write_text("older\n")

    assert command("service", "--forget", env=env).returncode == 0

    assert not state.exists()
    assert tmp_path.exists()


def test_an_uninstall_removes_nothing_of_others(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    env = environment(tmp_path, "https://muster.example")

    done = command("service", "--forget", env=env)

    assert done.returncode == 1
    assert done.stderr.startswith(f"muster-agent: Something is left in {tmp_path}: ")
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]
