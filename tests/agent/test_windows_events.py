"""Records of the event log: read by name whatever their quotes, namespaces and control characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fixtures.windows_machine import at, sample

from muster_agent.sources.windows.events import base_name, parse_event, parse_instant, plain, whole

NAMESPACE = "http://schemas.microsoft.com/win/2004/08/events/event"
WHOLE = f"""<?xml version="1.0" encoding="utf-8"?>
<Event xmlns="{NAMESPACE}"><System><Provider Name="Microsoft-Windows-Kernel-Boot"/><EventID>27</EventID>
<TimeCreated SystemTime="2018-07-06T18:40:24.973387Z"/><EventRecordID>74</EventRecordID>
<Execution ProcessID="4" ThreadID="8"/><Channel>System</Channel><Computer>PC-E</Computer></System>
<EventData><Data Name="BootType">0</Data><Data Name="LoadOptions"> NOEXECUTE=OPTIN</Data></EventData></Event>"""


def test_a_record_is_read_by_name() -> None:
    found = parse_event(WHOLE)

    assert found is not None
    assert (found.provider, found.id, found.record, found.process) == ("Microsoft-Windows-Kernel-Boot", 27, 74, 4)
    assert found.at == pytest.approx(at("2018-07-06T18:40:24.973387"))
    assert found.data == {"BootType": "0", "LoadOptions": "NOEXECUTE=OPTIN"}


def test_single_quotes_missing_and_self_closing_data_are_read_alike() -> None:
    found = parse_event(sample("101-b-demo-app"))

    assert found is not None
    assert (found.data["FriendlyName"], found.data["CompanyName"]) == ("", "")
    assert found.data["TotalTime"] == "31081"


def test_a_classic_source_has_qualifiers_and_data_without_names() -> None:
    text = WHOLE.replace("<EventID>27", '<EventID Qualifiers="32768">6013').replace(
        '<Data Name="BootType">0</Data>', "<Data/><Data>13</Data><Data></Data>"
    )
    found = parse_event(text)

    assert found is not None
    assert (found.id, found.data["1"]) == (6013, "13")


@pytest.mark.parametrize("bad", ["\x00", "\x0b", "\x1f", "&#0;", "&#x1;", "&#x1F;", "&#xD800;", "\ud800", "￿"])
def test_characters_that_xml_has_no_place_for_are_taken_out(bad: str) -> None:
    found = parse_event(WHOLE.replace("NOEXECUTE", f"NO{bad}EXECUTE"))

    assert found is not None
    assert found.data["LoadOptions"] == "NOEXECUTE=OPTIN"


def test_what_a_hostile_program_writes_stays_short_and_on_one_line() -> None:
    found = parse_event(WHOLE.replace(" NOEXECUTE=OPTIN", "a\nb\tc\r" + "x" * 100_000))

    assert found is not None
    assert found.data["LoadOptions"].startswith("a b c x")
    assert len(found.data["LoadOptions"]) == 512


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<Event",
        "<Event/>",
        f"<Event xmlns='{NAMESPACE}'><System/></Event>",
        WHOLE.replace("27", "twenty-seven"),
        WHOLE.replace("2018-07-06T18:40:24.973387Z", "1601-01-01T00:00:00Z"),
        WHOLE.replace("<EventRecordID>74</EventRecordID>", ""),
        WHOLE.replace("<Event xmlns", "<!DOCTYPE Event [<!ENTITY a 'aaaa'>]><Event xmlns"),
        WHOLE + "x" * 300_000,
    ],
)
def test_what_is_no_record_is_none(text: str) -> None:
    assert parse_event(text) is None


@given(st.text(alphabet=st.characters(codec=None)))
def test_no_text_makes_the_parser_stumble(text: str) -> None:
    parse_event(text)
    parse_event(WHOLE.replace("NOEXECUTE", text))
    parse_event(WHOLE.replace("27", text, 1))


@given(st.text())
def test_no_instant_and_no_number_is_made_of_nonsense(text: str) -> None:
    instant, number = parse_instant(text), whole(text)

    assert instant is None or instant > 3e8
    assert number is None or str(number).zfill(len(text.strip())) == text.strip()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("TiWorker.exe", "TiWorker.exe"),
        (r"C:\Users\jdoe\bin\demo-app.exe", "demo-app.exe"),
        (r'"C:\Program Files\A B\c d.exe" -x C:\Users\jdoe\n.txt', "c d.exe"),
        (r"C:\Program Files\A B\c d.exe /x", "c d.exe"),
        ("/home/jdoe/tool", "tool"),
        (r"tool -p C:\Users\jdoe", "tool"),
        (r"\\server\jdoe$\tool.bat", "tool.bat"),
        ("Windows Modules Installer", "Windows Modules Installer"),
        ("VfpExt", "VfpExt"),
        ("S-1-5-21-1-2-3-1001", None),
        ("someone@force.police.uk", None),
        ("C:\\Users\\", None),
        ("...", None),
        ("", None),
        (None, None),
    ],
)
def test_a_base_name_has_no_folder_no_argument_and_no_person(text: str | None, name: str | None) -> None:
    assert base_name(text) == name


@given(st.text(), st.sampled_from(["tool.exe", "service"]))
def test_nothing_before_the_last_separator_gets_into_a_base_name(folders: str, program: str) -> None:
    found = base_name(f"C:\\Users\\jdoe\\{folders}\\{program}")

    assert found is None or "jdoe" not in found
    assert found is None or not set(found) & set("\\/:\n\r\0")


@given(st.text())
def test_a_plain_text_has_no_control_characters_and_an_end(text: str) -> None:
    found = plain(text)

    assert len(found) <= 512
    assert found == found.strip()
    assert not any(ord(letter) < 32 for letter in found)
