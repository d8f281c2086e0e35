"""The installer's description for wixl: every file a component of its own, one service, three settings.

What wixl cannot say is added by `tables`.

Enters: the install folder. Leaves: WiX 3 source. Identifiers are made from names, so that they stay the same from one
version to the next.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path
from xml.sax.saxutils import quoteattr

from muster_agent.config import INSTALLED
from muster_agent.service import NAME

UPGRADE_CODE = uuid.UUID("7b9f3a52-6c1d-5e0e-9a44-0d6a2f4f8c11")
SERVICE_FILE = "python.exe"
ARGUMENTS = "-I -m muster_agent service"
FORGET = f"{ARGUMENTS} --forget"  # what an uninstall runs
DESCRIPTION = "Measures how this device starts and works, and reports to Muster. It reads; it changes nothing."
# Property of msiexec → value below HKLM\SOFTWARE\Muster\Agent\Settings.
SETTINGS = {"SERVER_URL": "server_url", "ENROLMENT_KEY": "enrolment_key", "PROXY": "proxy"}
_EVENTS = rf"SYSTEM\CurrentControlSet\Services\EventLog\Application\{NAME}"
# Shows the text of an event as it was written; part of Windows since 8.
_MESSAGES = r"[%SystemRoot]\Microsoft.NET\Framework64\v4.0.30319\EventLogMessages.dll"
_SYSTEMS = "Installed OR (VersionNT64 AND VersionNT &gt;= 603)"  # which is what 10 and 11 say to an installer


def product_code(version: str) -> uuid.UUID:
    """One for each version."""
    return uuid.uuid5(UPGRADE_CODE, f"product {version}")


def braced(code: uuid.UUID) -> str:
    """As the installer writes it."""
    return f"{{{code}}}".upper()


def source(folder: Path, version: str) -> str:
    """The description of a package of `folder`."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    here = "".join(_file(folder, name) for name in files if "/" not in name)
    psutil = "".join(_file(folder, name) for name in files if name.startswith("psutil/"))
    components = [*(identifier(name) for name in files), "settings", "events"]
    references = "".join(f'<ComponentRef Id="{name}"/>' for name in components)
    return f"""<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
<Product Id="{braced(product_code(version))}" UpgradeCode="{braced(UPGRADE_CODE)}" Version="{version}" Language="1033"
  Name="Muster agent" Manufacturer="Muster">
<Package InstallerVersion="500" Compressed="yes" InstallScope="perMachine" Description="Muster agent {version}"
  Comments="Installs silently. SERVER_URL, ENROLMENT_KEY and PROXY are its settings."/>
<Media Id="1" Cabinet="agent.cab" EmbedCab="yes"/>
<MajorUpgrade DowngradeErrorMessage="A newer Muster agent is installed: uninstall it first."/>
<Condition Message="The Muster agent needs a 64-bit Windows 10 or 11.">{_SYSTEMS}</Condition>
{"".join(map(_remembered, SETTINGS))}
<CustomAction Id="forget" FileKey="{identifier(SERVICE_FILE)}" ExeCommand="{FORGET}" Execute="deferred"
  Impersonate="no" Return="ignore"/>
<Directory Id="TARGETDIR" Name="SourceDir">
<Directory Id="ProgramFiles64Folder"><Directory Id="MUSTERDIR" Name="Muster"><Directory Id="INSTALLDIR" Name="Agent">
{here}<Directory Id="PSUTILDIR" Name="psutil">{psutil}</Directory>
{_settings()}
{_events()}
</Directory></Directory></Directory></Directory>
<Feature Id="Agent" Level="1" Title="Muster agent">{references}</Feature>
</Product></Wix>
"""


def identifier(name: str) -> str:
    """What a file and its component are called in the package."""
    return "f_" + re.sub(r"\W", "_", name)


def _guid(name: str) -> str:
    return braced(uuid.uuid5(UPGRADE_CODE, f"component {name}"))


def _file(folder: Path, name: str) -> str:
    key = identifier(name)
    inside = f'<File Id="{key}" Source={quoteattr(f"{folder.name}/{name}")} KeyPath="yes"/>'
    service = _service() if name == SERVICE_FILE else ""
    return f'<Component Id="{key}" Guid="{_guid(name)}" Win64="yes">{inside}{service}</Component>\n'


def _service() -> str:
    return f"""<CreateFolder/>
<ServiceInstall Id="service" Name="{NAME}" DisplayName="Muster agent" Type="ownProcess" Start="auto" Vital="yes"
  ErrorControl="normal" Arguments="{ARGUMENTS}" Description="{DESCRIPTION}"/>
<ServiceControl Id="control" Name="{NAME}" Start="install" Stop="both" Remove="uninstall" Wait="yes"/>"""


def _settings() -> str:
    """Written anew with every installation, from what was there before: see `_remembered`."""
    first, *others = SETTINGS
    values = [f'<RegistryValue Name="{SETTINGS[first]}" Type="string" Value="[{first}]" KeyPath="yes"/>']
    values += [f'<RegistryValue Name="{SETTINGS[name]}" Type="string" Value="[{name}]"/>' for name in others]
    return _registry("settings", INSTALLED, values=values)


def _events() -> str:
    values = [
        f'<RegistryValue Name="EventMessageFile" Type="string" Value="{_MESSAGES}" KeyPath="yes"/>',
        '<RegistryValue Name="TypesSupported" Type="integer" Value="7"/>',
    ]
    return _registry("events", _EVENTS, values=values)


def _registry(name: str, key: str, *, values: list[str]) -> str:
    inside = f'<RegistryKey Root="HKLM" Key="{key}">{"".join(values)}</RegistryKey>'
    return f'<Component Id="{name}" Guid="{_guid(name)}" Win64="yes">{inside}</Component>'


def _remembered(name: str) -> str:
    """A setting that is not given keeps its value through upgrade and repair."""
    search = f'Root="HKLM" Key="{INSTALLED}" Name="{SETTINGS[name]}" Type="raw" Win64="yes"'
    return f'<Property Id="{name}"><RegistrySearch Id="find_{SETTINGS[name]}" {search}/></Property>'
