"""Commands to drives that only ask: ATA through SCSI's SG_IO, NVMe through its admin ioctl. Root's alone.

Enters: a device and a command without any address in it. Leaves: what the drive answered. Sources: SAT-4 (ATA
PASS-THROUGH), linux/sg.h and linux/nvme_ioctl.h for the structures.
"""

from __future__ import annotations

import errno
import os
import struct
import sys
from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

_SG_IO, _NVME_ADMIN = 0x2285, 0xC048_4E41
_SG_HEADER = "iiBBHIPPPIIiPBBBBHHiII0P"  # aligned at its end, too
_FROM_DEVICE, _NO_DATA = -3, -1
_NVME_COMMAND = "BBHIIIQQIIIIIIIIII"
_TIMEOUT_MS = 5_000
_SENSE_BYTES = 64
_NO_HARM = {0x00, 0x02}  # SCSI's good, and check condition, which carries what was asked for

Ioctl = Callable[[int, int, Any], int]


class Command(NamedTuple):
    """What a drive is asked: `words` are 16 bytes of SCSI for an ATA drive, or for NVMe opcode, namespace and command
    dwords 10 to 15; `room` is how many bytes it may answer.
    """

    words: bytes
    room: int


class Answer(NamedTuple):
    """What a drive answered: data, and SCSI's sense, which carries an ATA drive's registers."""

    data: bytes
    sense: bytes


def ask(device: str, command: Command, *, ioctl: Ioctl | None = None) -> Answer:
    """Send a command to a drive and give its answer; raises OSError."""
    handle = os.open(device, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        send = _nvme if os.path.basename(device).startswith("nvme") else _scsi
        return send(handle, command, ioctl=ioctl or _ioctl())
    finally:
        os.close(handle)


def _ioctl() -> Ioctl:
    if sys.platform == "win32":
        raise OSError(errno.ENOSYS, "Windows asks drives in another way")
    else:  # noqa: RET506 - mypy reads each branch for its own platform only
        import fcntl

        return fcntl.ioctl


def _scsi(handle: int, command: Command, *, ioctl: Ioctl) -> Answer:
    room = command.room
    data, sense, words = array("B", bytes(room)), array("B", bytes(_SENSE_BYTES)), array("B", command.words)
    header = bytearray(
        struct.pack(
            _SG_HEADER, ord("S"), _FROM_DEVICE if room else _NO_DATA, len(words), _SENSE_BYTES, 0, room,
            data.buffer_info()[0] if room else 0, words.buffer_info()[0], sense.buffer_info()[0], _TIMEOUT_MS,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        )
    )  # fmt: skip
    ioctl(handle, _SG_IO, header)
    told = struct.unpack(_SG_HEADER, header)
    status, of_host, written = told[13], told[17], told[16]
    if status not in _NO_HARM or of_host:
        raise OSError(errno.EIO, "the drive did not take the command")
    return Answer(data.tobytes(), sense.tobytes()[:written])


def _nvme(handle: int, command: Command, *, ioctl: Ioctl) -> Answer:
    data = array("B", bytes(command.room))
    opcode, namespace, *words = struct.unpack("<BI6I", command.words)
    asked = struct.pack(
        _NVME_COMMAND, opcode, 0, 0, namespace, 0, 0, 0, data.buffer_info()[0], 0, command.room, *words, _TIMEOUT_MS, 0
    )
    if ioctl(handle, _NVME_ADMIN, bytearray(asked)):
        raise OSError(errno.EIO, "the drive did not take the command")
    return Answer(data.tobytes(), b"")
