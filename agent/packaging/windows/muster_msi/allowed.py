"""The list by which application control (WDAC, AppLocker) can let the agent run: every file with its hashes.

Enters: the install folder, signed or not. Leaves: CSV. The Authenticode hash is the one that both compare: over the
file without its checksum and signature (Microsoft's PE format, appendix A).
"""

from __future__ import annotations

import csv
import hashlib
import io
import struct
from pathlib import Path

from muster_msi.portable import file_version

_COLUMNS = ("file", "bytes", "version", "sha256", "authenticode_sha256")


def listed(folder: Path) -> str:
    """One row for each file, by its path below the install folder."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n")
    rows.writerow(_COLUMNS)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        name = str(path.relative_to(folder)).replace("/", "\\")
        runs = content[:2] == b"MZ"
        version, hashed = (file_version(content) or "", authenticode(content)) if runs else ("", "")
        rows.writerow((name, len(content), version, hashlib.sha256(content).hexdigest(), hashed))
    return text.getvalue()


def authenticode(image: bytes) -> str:
    """The SHA-256 (hex) by which Windows knows a PE32+ file, whoever signed it."""
    header = struct.unpack_from("<I", image, 0x3C)[0]
    checksum, signature = header + 24 + 64, header + 24 + 144  # of the optional header: CheckSum, certificate table
    at, size = struct.unpack_from("<II", image, signature)
    end = at if size else len(image)
    hashed = image[:checksum] + image[checksum + 4 : signature] + image[signature + 8 : end]
    return hashlib.sha256(hashed + b"\0" * (-end % 8)).hexdigest()
