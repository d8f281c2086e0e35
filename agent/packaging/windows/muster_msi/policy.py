"""Group Policy's templates (ADMX, ADML), made from the agent's typed settings and the README's words for them.

Enters: `config.Settings`. Leaves: two files. The enrolment key is left out: every user of the domain can read a policy.
"""

from __future__ import annotations

import re
from typing import Any
from xml.sax.saxutils import escape

from ingredients import ROOT
from muster_agent.config import _RANGES, POLICY, Settings

SECRET = "enrolment_key"  # noqa: S105 - the name of a setting
_SPACE = 'xmlns="http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions" revision="1.0" schemaVersion="1.0"'
_TYPES = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'


def written() -> dict[str, str]:
    """Path below dist → text, as it goes to a PolicyDefinitions folder."""
    return {"PolicyDefinitions/muster.admx": _admx(), "PolicyDefinitions/en-US/muster.adml": _adml()}


def meanings() -> dict[str, str]:
    """What each setting means, in the words of the agent's README."""
    section = (ROOT / "agent" / "README.md").read_text("utf-8").partition("\n## Settings\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)` \|[^|]*\| (.+) \|$", section, flags=re.MULTILINE))


def _settings() -> dict[str, Any]:
    return {name: value for name, value in Settings()._asdict().items() if name != SECRET}


def _admx() -> str:
    policies = "".join(_policy(name, value) for name, value in _settings().items())
    return f"""<?xml version="1.0" encoding="utf-8"?>
<policyDefinitions {_TYPES} {_SPACE}>
<policyNamespaces><target prefix="muster" namespace="Muster.Policies.Agent"/></policyNamespaces>
<resources minRequiredRevision="1.0"/>
<supportedOn><definitions><definition name="supported" displayName="$(string.supported)"/></definitions></supportedOn>
<categories><category name="muster" displayName="$(string.muster)"/></categories>
<policies>
{policies}</policies>
</policyDefinitions>
"""


def _policy(name: str, value: Any) -> str:
    about = f'name="{name}" class="Machine" displayName="$(string.{name})" explainText="$(string.{name}_help)"'
    place = '<parentCategory ref="muster"/><supportedOn ref="supported"/>'
    if isinstance(value, bool):
        states = "".join(
            f'<{state}Value><decimal value="{number}"/></{state}Value>'
            for state, number in (("enabled", 1), ("disabled", 0))
        )
        return f'<policy {about} key="{POLICY}" valueName="{name}">{place}{states}</policy>\n'
    presentation = f'presentation="$(presentation.{name})"'
    return (
        f'<policy {about} key="{POLICY}" {presentation}>{place}<elements>{_element(name, value)}</elements></policy>\n'
    )


def _element(name: str, value: Any) -> str:
    if isinstance(value, int):
        low, high = _RANGES[name]
        return f'<decimal id="{name}" valueName="{name}" required="true" minValue="{low}" maxValue="{high}"/>'
    return f'<text id="{name}" valueName="{name}" required="true" maxLength="1023"/>'


def _adml() -> str:
    words = meanings()
    strings, presentations = [], []
    for name, value in _settings().items():
        told = escape(words[name].replace("`", "").replace("**", ""))
        strings.append(f'<string id="{name}">{name}</string><string id="{name}_help">{told}</string>\n')
        if isinstance(value, bool):
            continue
        inside = (
            f'<decimalTextBox refId="{name}" defaultValue="{value}">{name}</decimalTextBox>'
            if isinstance(value, int)
            else f'<textBox refId="{name}"><label>{name}</label></textBox>'
        )
        presentations.append(f'<presentation id="{name}">{inside}</presentation>\n')
    return f"""<?xml version="1.0" encoding="utf-8"?>
<policyDefinitionResources {_TYPES} {_SPACE}>
<displayName>Muster agent</displayName><description>Settings of the Muster agent</description>
<resources>
<stringTable>
<string id="muster">Muster agent</string><string id="supported">Windows 10 and 11, 64-bit</string>
{"".join(strings)}</stringTable>
<presentationTable>
{"".join(presentations)}</presentationTable>
</resources>
</policyDefinitionResources>
"""
