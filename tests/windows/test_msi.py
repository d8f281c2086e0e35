"""The MSI: its tables say what Windows is to do, it holds what it should, and two builds are the same bytes."""

from __future__ import annotations

import subprocess
import uuid
import zipfile
from pathlib import Path

import pytest
from tests.windows.conftest import Built

from muster_agent import __version__
from muster_agent.config import INSTALLED
from muster_agent.service import NAME
from muster_msi import signing
from muster_msi.making import build
from muster_msi.package import tables
from muster_msi.tables import Table
from muster_msi.wxs import SETTINGS, UPGRADE_CODE

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def found(built: Built) -> dict[str, Table]:
    return tables(built.package)


def rows(found: dict[str, Table], table: str) -> dict[str, dict[str, str]]:
    """The rows by their first column."""
    return {row[found[table].columns[0]]: row for row in found[table].dicts()}


def test_two_builds_are_the_same_bytes(built: Built, tmp_path: Path) -> None:
    again = build(tmp_path, __version__)

    assert {path.relative_to(tmp_path) for path in again} == {
        path.relative_to(built.out) for path in built.out.rglob("*") if path.is_file()
    }
    assert [
        path.name for path in again if path.read_bytes() != (built.out / path.relative_to(tmp_path)).read_bytes()
    ] == []


def test_versions_share_an_upgrade_code_and_components_and_nothing_else(built: Built, found: dict[str, Table]) -> None:
    before, present = tables(built.before), rows(found, "Property")

    assert present["UpgradeCode"]["Value"] == f"{{{UPGRADE_CODE}}}".upper()
    assert present["ProductCode"]["Value"] == f"{{{uuid.uuid5(UPGRADE_CODE, f'product {__version__}')}}}".upper()
    assert rows(before, "Property")["ProductCode"] != present["ProductCode"]
    assert rows(before, "_SummaryInformation")["9"] != rows(found, "_SummaryInformation")["9"]
    # What both have in common is taken over, so that removing the old version removes nothing.
    assert rows(before, "Component") == rows(found, "Component")


def test_the_key_is_hidden_and_settings_reach_the_part_that_runs_as_system(found: dict[str, Table]) -> None:
    properties = rows(found, "Property")

    assert properties["MsiHiddenProperties"]["Value"] == "ENROLMENT_KEY"
    assert {"ENROLMENT_KEY", "PROXY", "SERVER_URL"} <= set(properties["SecureCustomProperties"]["Value"].split(";"))
    assert properties["ALLUSERS"]["Value"] == "1"


def test_settings_are_remembered_and_readable_by_administrators_alone(found: dict[str, Table]) -> None:
    written = {row["Name"]: row for row in found["Registry"].dicts() if row["Key"] == INSTALLED}
    searched = {row["Name"]: row for row in found["RegLocator"].dicts()}
    lock = rows(found, "MsiLockPermissionsEx")["lock_settings"]

    assert {name: row["Value"] for name, row in written.items()} == {
        "server_url": "[SERVER_URL]", "enrolment_key": "[ENROLMENT_KEY]", "proxy": "[PROXY]",
    }  # fmt: skip
    assert {name: (row["Key"], row["Type"]) for name, row in searched.items()} == dict.fromkeys(
        written, (INSTALLED, "18")  # as it is written, in the 64-bit registry
    )  # fmt: skip
    assert lock["LockObject"] in {row["Registry"] for row in written.values()}
    assert (lock["Table"], lock["SDDLText"]) == ("Registry", "D:PAI(A;CI;KA;;;SY)(A;CI;KA;;;BA)")


def test_the_folder_is_for_system_and_administrators_alone(found: dict[str, Table]) -> None:
    lock = rows(found, "MsiLockPermissionsEx")["lock_folder"]

    assert (lock["LockObject"], lock["Table"]) == ("INSTALLDIR", "CreateFolder")
    assert lock["SDDLText"] == "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
    assert "INSTALLDIR" in rows(found, "CreateFolder")
    assert all(int(row["Attributes"]) & 256 for row in found["Component"].dicts())  # 64-bit, each of them


def test_one_service_starts_by_itself_and_again_after_a_failure(found: dict[str, Table]) -> None:
    (service,) = found["ServiceInstall"].dicts()
    (control,) = found["ServiceControl"].dicts()
    (failure,) = found["MsiServiceConfigFailureActions"].dicts()
    (config,) = found["MsiServiceConfig"].dicts()
    (program,) = [row for row in found["File"].dicts() if row["Component_"] == service["Component_"]]

    assert (program["FileName"], service["Arguments"]) == ("python.exe", "-I -m muster_agent service")
    assert (service["Name"], service["ServiceType"], service["StartType"], service["StartName"]) == (
        NAME,
        "16",
        "2",
        "",
    )
    # Started when installed; stopped on install and uninstall; deleted on uninstall.
    assert (control["Event"], control["Wait"]) == (str(0x1 | 0x2 | 0x20 | 0x80), "1")
    assert (failure["Actions"], failure["DelayActions"]) == ("1[~]1[~]1", "60000[~]60000[~]60000")
    assert (config["ConfigType"], config["Argument"]) == ("4", "1")
    assert {failure["Name"], config["Name"], control["Name"]} == {NAME}


def test_steps_come_in_the_order_that_keeps_what_the_agent_knows(found: dict[str, Table]) -> None:
    steps = rows(found, "InstallExecuteSequence")
    order = sorted(steps, key=lambda name: int(steps[name]["Sequence"]))

    def comes(*names: str) -> bool:
        places = [order.index(name) for name in names]
        return places == sorted(places)

    assert comes("FindRelatedProducts", "LaunchConditions", "InstallInitialize", "StopServices", "forget")
    assert comes("forget", "RemoveRegistryValues", "RemoveFiles", "InstallFiles")
    assert comes("InstallServices", "MsiConfigureServices", "StartServices")
    assert comes("StartServices", "InstallExecute", "RemoveExistingProducts", "InstallFinalize")
    assert steps["forget"]["Condition"] == 'REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE AND $f_python_exe=2'
    forget = rows(found, "CustomAction")["forget"]
    assert int(forget["Type"]) == 18 | 64 | 1024 | 2048  # a file of ours, not to fail, as SYSTEM
    assert forget["Target"] == "-I -m muster_agent service --forget"
    assert list(rows(found, "CustomAction")) == ["forget"]


def test_an_older_version_gives_way_and_a_newer_one_does_not(found: dict[str, Table]) -> None:
    older, newer = sorted(found["Upgrade"].dicts(), key=lambda row: row["VersionMin"])

    assert (older["VersionMax"], newer["VersionMin"]) == (__version__, __version__)
    assert not int(older["Attributes"]) & 2
    assert int(newer["Attributes"]) & 2  # found only
    assert f"NOT {newer['ActionProperty']}" in rows(found, "LaunchCondition")


def test_programs_bear_their_versions_and_other_files_a_hash(found: dict[str, Table]) -> None:
    files = rows(found, "File")

    assert files["f_python313_dll"]["Version"].startswith("3.13.")
    versioned = {name for name, row in files.items() if row["Version"]}
    assert set(rows(found, "MsiFileHash")) == set(files) - versioned
    assert all(len(row["FileName"].split("|")[0]) <= 12 for row in files.values())
    assert len({row["FileName"].split("|")[0] for row in files.values()}) == len(files)


def test_the_page_for_administrators_names_codes_and_properties_as_they_are(found: dict[str, Table]) -> None:
    page = (Path(signing.__file__).parents[1] / "README.md").read_text("utf-8")

    assert f"`{rows(found, 'Property')['UpgradeCode']['Value']}`" in page
    for name in SETTINGS:
        assert f"\n| `{name}` |" in page


def test_uninstalling_removes_the_status_and_the_event_source(found: dict[str, Table]) -> None:
    registry = rows(found, "Registry")

    assert (registry["status"]["Key"], registry["status"]["Name"]) == (r"SOFTWARE\Muster\Agent", "-")
    source = [row for row in registry.values() if row["Key"].endswith(rf"EventLog\Application\{NAME}")]
    assert {row["Name"] for row in source} == {"EventMessageFile", "TypesSupported"}


def test_it_holds_the_folder_and_that_is_the_agent_with_a_trimmed_python(built: Built, tmp_path: Path) -> None:
    subprocess.run(["msiextract", "-C", str(tmp_path), str(built.package)], check=True, capture_output=True)
    (installed,) = tmp_path.rglob("Agent")

    def content(folder: Path) -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert content(installed) == content(built.folder)
    agent = set(zipfile.ZipFile(installed / "muster_agent.zip").namelist())
    library = set(zipfile.ZipFile(installed / "python313.zip").namelist())
    assert {"muster_agent/__main__.pyc", "muster_agent/service/life.pyc"} <= agent
    assert {"encodings/__init__.pyc", "ssl.pyc", "json/__init__.pyc"} <= library
    assert not [name for name in library if name.split("/")[0] in ("test", "tkinter", "pip", "idlelib", "ensurepip")]
    assert {Path(name).suffix for name in agent | library} == {".pyc"}
    assert (installed / "python313._pth").read_text() == "python313.zip\nmuster_agent.zip\n.\n"
