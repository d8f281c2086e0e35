"""What wixl drops or lacks, put into the package's tables.

Enters: tables as `msiinfo export` writes them. Leaves: the same, mended, and those that were missing, as `msibuild -i`
reads them. Source: Microsoft's Windows Installer database reference.
"""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import NamedTuple

from muster_agent.service import NAME
from muster_msi import EPOCH_SECONDS
from muster_msi.portable import file_version
from muster_msi.wxs import SERVICE_FILE, SETTINGS, braced, identifier

_DAY = dt.datetime.fromtimestamp(EPOCH_SECONDS, tz=dt.UTC).strftime("%Y/%m/%d %H:%M:%S")
# What an upgrade of the old version is not: neither by name, nor by what it does to its own program.
_GONE = f'REMOVE="ALL" AND NOT UPGRADINGPRODUCTCODE AND ${identifier(SERVICE_FILE)}=2'
# Inheritance off; SYSTEM and Administrators alone, here and below.
_FOLDER_RIGHTS, _KEY_RIGHTS = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)", "D:PAI(A;CI;KA;;;SY)(A;CI;KA;;;BA)"
_RESTART, _AFTER_MS = "[~]".join(["1"] * 3), "[~]".join(["60000"] * 3)  # SC_ACTION_RESTART, each after a minute
# Codes of Summary Information's properties.
_SAVED_BY, _PACKAGE_CODE, _CREATED, _SAVED = "18", "9", "12", "13"


class Table(NamedTuple):
    """A table: its name, columns, their types, keys and rows."""

    name: str
    columns: list[str]
    types: list[str]
    keys: list[str]
    rows: list[list[str]]

    @classmethod
    def read(cls, text: str) -> Table:
        """A table as msiinfo writes it."""
        columns, types, about, *rows = (line.split("\t") for line in text.splitlines())
        return cls(about[0], columns, types, about[1:], rows)

    def written(self) -> str:
        """A table as msibuild reads it."""
        lines = [self.columns, self.types, [self.name, *self.keys], *self.rows]
        return "".join("\t".join(line) + "\r\n" for line in lines)

    def dicts(self) -> list[dict[str, str]]:
        """The rows by the names of their columns."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def changed(self, rows: list[dict[str, str]]) -> Table:
        """The same table with other rows."""
        return self._replace(rows=[[row[column] for column in self.columns] for row in rows])


def mended(found: dict[str, Table], folder: Path, *, package_code: uuid.UUID) -> list[Table]:
    """The tables to be put in place of, or beside, those of a package of `folder`."""
    return [
        _summary(found["_SummaryInformation"], package_code),
        _properties(found["Property"]),
        _files(found["File"], folder),
        _hashes(found["MsiFileHash"], folder),
        _sequence(found["InstallExecuteSequence"]),
        _keys_without_ends(found["Registry"]),
        _rights(found["Registry"]),
        *_service(),
    ]


def _summary(table: Table, package_code: uuid.UUID) -> Table:
    fixed = {_SAVED_BY: "Muster", _PACKAGE_CODE: braced(package_code), _CREATED: _DAY, _SAVED: _DAY}
    return table._replace(rows=[[number, fixed.get(number, value)] for number, value in table.rows])


def _properties(table: Table) -> Table:
    held = {row["Property"]: row["Value"] for row in table.dicts()}
    # Secure: an administrator's value reaches the part that runs as SYSTEM. Hidden: no log shows it.
    held["SecureCustomProperties"] = ";".join(sorted({*held["SecureCustomProperties"].split(";"), *SETTINGS}))
    held["MsiHiddenProperties"] = "ENROLMENT_KEY"
    held["ARPNOMODIFY"] = "1"
    held["MSIRESTARTMANAGERCONTROL"] = "Disable"  # the service is stopped anyway; nothing else has its files open
    held["REBOOT"] = "ReallySuppress"
    held["REINSTALLMODE"] = "amus"  # a file of the same version may be another one: signed, say
    return table._replace(rows=[[name, value] for name, value in sorted(held.items())])


def _files(table: Table, folder: Path) -> Table:
    """With short names, and the versions by which an installer tells an older program from a newer one."""
    by_key = _by_key(folder)
    rows = table.dicts()
    for number, row in enumerate(rows):
        version = file_version(by_key[row["File"]].read_bytes())
        row.update({"Version": version or "", "Language": "1033" if version else ""})
        stem, _, ending = row["FileName"].rpartition(".")
        if len(stem) > 8 or len(ending) > 3 or "." in stem or not stem:
            row["FileName"] = f"MUSTER{number:02}.{ending[:3].upper()}|{row['FileName']}"
    return table.changed(rows)


def _hashes(table: Table, folder: Path) -> Table:
    """Of files that bear no version."""
    by_key = _by_key(folder)
    return table.changed([row for row in table.dicts() if file_version(by_key[row["File_"]].read_bytes()) is None])


def _by_key(folder: Path) -> dict[str, Path]:
    return {identifier(path.relative_to(folder).as_posix()): path for path in folder.rglob("*") if path.is_file()}


def _sequence(table: Table) -> Table:
    """The new version takes over every component before the old one goes, which then has nothing left to remove.

    All of it is one transaction: when the new one fails, the old one is as it was.
    """
    rows = table.dicts()
    for row in rows:
        if row["Action"] == "RemoveExistingProducts":
            row["Sequence"] = "6550"
    rows.append({"Action": "InstallExecute", "Condition": "", "Sequence": "6500"})
    rows.append({"Action": "MsiConfigureServices", "Condition": "VersionNT >= 600", "Sequence": "5850"})
    # Once the service is stopped, and while its settings and programs are there.
    rows.append({"Action": "forget", "Condition": _GONE, "Sequence": "2100"})
    return table.changed(sorted(rows, key=lambda row: int(row["Sequence"])))


def _keys_without_ends(table: Table) -> Table:
    """The registry's rows, and one by which the status is gone when the agent is."""
    rows = [{**row, "Key": row["Key"].rstrip("\\")} for row in table.dicts()]
    status = {"Registry": "status", "Root": "2", "Key": r"SOFTWARE\Muster\Agent", "Name": "-", "Value": ""}
    return table.changed([*rows, {**status, "Component_": "settings"}])


def _rights(registry: Table) -> Table:
    setting = next(row["Registry"] for row in registry.dicts() if row["Component_"] == "settings")
    return Table(
        "MsiLockPermissionsEx",
        ["MsiLockPermissionsEx", "LockObject", "Table", "SDDLText", "Condition"],
        ["s72", "s72", "s32", "s0", "S255"],
        ["MsiLockPermissionsEx"],
        [
            ["lock_folder", "INSTALLDIR", "CreateFolder", _FOLDER_RIGHTS, ""],
            ["lock_settings", setting, "Registry", _KEY_RIGHTS, ""],
        ],
    )


def _service() -> list[Table]:
    """Started again after a failure, also after one that ended the process with a code."""
    component = identifier(SERVICE_FILE)
    on_install_and_repair = "5"
    return [
        Table(
            "MsiServiceConfig",
            ["MsiServiceConfig", "Name", "Event", "ConfigType", "Argument", "Component_"],
            ["s72", "s255", "i4", "i4", "S0", "s72"],
            ["MsiServiceConfig"],
            [["after_codes_too", NAME, on_install_and_repair, "4", "1", component]],
        ),
        Table(
            "MsiServiceConfigFailureActions",
            ["MsiServiceConfigFailureActions", "Name", "Event", "ResetPeriod", "RebootMessage", "Command", "Actions",
             "DelayActions", "Component_"],
            ["s72", "s255", "i4", "I4", "L255", "L255", "S0", "S0", "s72"],
            ["MsiServiceConfigFailureActions"],
            [["again", NAME, on_install_and_repair, "86400", "", "", _RESTART, _AFTER_MS, component]],
        ),
    ]  # fmt: skip
