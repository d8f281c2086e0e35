"""Signing, with a key of the test, and what administrators get beside the MSI."""

from __future__ import annotations

import csv
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from tests import needs
from tests.windows.conftest import Built

from ingredients import PackagingError
from muster_agent import __version__
from muster_agent.config import _RANGES, POLICY, Settings
from muster_msi import policy, signing
from muster_msi.allowed import authenticode
from muster_msi.making import build

pytestmark = pytest.mark.system
_SPACE = "{http://schemas.microsoft.com/GroupPolicy/2006/07/PolicyDefinitions}"


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> signing.Key:
    """A key that signs code, and a certificate that nobody else trusts."""
    needs.tool("osslsigncode")
    place = tmp_path_factory.mktemp("key")
    made = signing.Key(place / "key.pem", place / "certificate.pem")
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=Muster test"]
    use = ["-addext", "extendedKeyUsage=codeSigning"]
    subprocess.run(
        [*request, *use, "-keyout", str(made.key), "-out", str(made.certificate)], check=True, capture_output=True
    )
    return made


@pytest.fixture(scope="module")
def signed(built: Built, key: signing.Key, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the signed package, and what is in it beside it."""
    place = tmp_path_factory.mktemp("signed")
    build(place, __version__, key=key)
    subprocess.run(
        ["msiextract", "-C", str(place / "inside"), str(place / built.package.name)], check=True, capture_output=True
    )
    return place


def test_every_program_library_and_the_package_bear_a_signature(signed: Path, built: Built, key: signing.Key) -> None:
    programs = [path for path in (signed / "inside").rglob("*") if path.suffix in (".exe", ".dll", ".pyd")]

    assert len(programs) == len([path for path in built.folder.rglob("*") if path.suffix in signing.SIGNED]) > 20
    for path in [*programs, signed / built.package.name]:
        signing.verify(path, key.certificate)


def test_what_was_changed_or_not_signed_is_found_out(
    signed: Path, built: Built, key: signing.Key, tmp_path: Path
) -> None:
    (program,) = signed.rglob("python.exe")
    content = bytearray(program.read_bytes())
    content[2_000] ^= 1
    changed = tmp_path / "python.exe"
    changed.write_bytes(content)

    for path in (changed, built.folder / "python.exe", built.package):
        with pytest.raises(PackagingError, match="is not signed as it should be"):
            signing.verify(path, key.certificate)


def test_the_list_names_every_file_with_the_hash_that_windows_compares(signed: Path, built: Built) -> None:
    text = (signed / "muster-agent-windows-files.csv").read_text()
    told = {row["file"]: row for row in csv.DictReader(text.splitlines())}
    (installed,) = (signed / "inside").rglob("Agent")

    assert set(told) == {str(path.relative_to(installed)).replace("/", "\\") for path in installed.rglob("*.*")}
    for name in ("python.exe", "python3.dll", "libcrypto-3.dll"):
        line = ["osslsigncode", "verify", "-in", str(installed / name)]
        said = subprocess.run(line, check=False, capture_output=True, text=True).stdout
        (digest,) = re.findall(r"Calculated message digest\s*: ([0-9A-F]{64})", said)
        assert told[name]["authenticode_sha256"] == digest.lower()
        # Signing does not change it, so that one list is good for both.
        assert authenticode((built.folder / name).read_bytes()) == digest.lower()


def test_group_policy_has_every_setting_but_the_secret_with_its_type_and_bounds(built: Built) -> None:
    admx = ET.parse(built.out / "PolicyDefinitions/muster.admx")
    policies = {found.attrib["name"]: found for found in admx.iter(f"{_SPACE}policy")}

    assert set(policies) == set(Settings._fields) - {policy.SECRET}
    for name, value in Settings()._asdict().items():
        if name == policy.SECRET:
            continue
        assert policies[name].attrib["key"] == POLICY
        if isinstance(value, bool):
            assert [found.attrib["value"] for found in policies[name].iter(f"{_SPACE}decimal")] == ["1", "0"]
        elif isinstance(value, int):
            (number,) = policies[name].iter(f"{_SPACE}decimal")
            assert (int(number.attrib["minValue"]), int(number.attrib["maxValue"])) == _RANGES[name]
        else:
            assert [found.attrib["valueName"] for found in policies[name].iter(f"{_SPACE}text")] == [name]


def test_every_word_of_the_policies_is_there(built: Built) -> None:
    admx = (built.out / "PolicyDefinitions/muster.admx").read_text("utf-8")
    adml = ET.parse(built.out / "PolicyDefinitions/en-US/muster.adml")

    for kind, element in (("string", "string"), ("presentation", "presentation")):
        there = {found.attrib["id"] for found in adml.iter(f"{_SPACE}{element}")}
        assert set(re.findall(rf"\$\({kind}\.(\w+)\)", admx)) == there
    assert all((found.text or "").strip() for found in adml.iter(f"{_SPACE}string"))
