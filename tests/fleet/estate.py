"""The devices of an estate, each with the faults planted in it. The same seed gives the same estate.

Enters: a seed and a number. Leaves: a `Device`, frozen: what it is, how it is used, and what is wrong with it.
"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from random import Random

from tests.fleet.catalogue import CURRENT, ENDED, MODELS, SOURCE_OF, TITLES, Model, System

# Fault -> the share of the devices that can have it and do.
RATES = {
    "worn_cell": 0.09,
    "short_memory": 0.06,
    "slow_service": 0.05,
    "hard_disk": 0.16,
    "full_disk": 0.05,
    "old_system": 0.09,
    "silent": 0.04,
    "wrong_clock": 0.02,
    "broken_collector": 0.04,
}
# (collector, how it fares): read rights taken away, a service switched off, a tool that is not there.
_BROKEN = (
    ("starts", "absent"),
    ("starts", "failed"),
    ("disks", "failed"),
    ("hardware", "failed"),
    ("software", "absent"),
    ("battery", "failed"),
    ("hard_faults", "absent"),  # the system does not count them, so pressure on memory cannot be told
)
# Seconds by which a clock is wrong: a time zone, a day, years ahead, a clock that was never set.
_CLOCKS = (3 * 3_600 + 420, -86_400, 3 * 365 * 86_400, -54 * 365 * 86_400)


@dataclass(frozen=True)
class Device:
    """One device. `shift` is office, shift or always; `demand_gb` is the memory its work wants."""

    number: int
    seed: int
    model: Model
    system: System
    hostname: str
    shift: str
    memory_gb: int
    demand_gb: float
    drive: str
    cpu_factor: float  # how much slower than the estate's middle
    faults: frozenset[str]
    fault_days: int  # since when a fault that began has stood
    silent_days: int  # 0: it reports
    clock_seconds: int  # device clock minus true time
    broken: tuple[str, str] | None

    @property
    def key(self) -> int:
        """A number that no other device of any seed near has, to draw from."""
        return self.seed * 1_000_003 + self.number

    def digest(self, *about: object) -> str:
        """32 hex digits that stand for something of this device, always the same."""
        text = ":".join(map(str, (self.seed, self.number, *about)))
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    @property
    def hints(self) -> dict[str, str]:
        """What recognises the hardware."""
        hints = {
            "smbios_uuid": str(uuid.UUID(self.digest("uuid"))),
            "system_serial": self.digest("serial")[:8].upper(),
            "disk_serial": self.digest("disk")[:12].upper(),
        }
        hashed = hashlib.sha256("".join(hints.values()).encode()).hexdigest()
        return {**hints, "hardware_hash": hashed, "machine_hash": self.digest("machine")}

    @property
    def titles(self) -> list[dict[str, str]]:
        """Installed software, as the package system of this device lists it."""
        random = Random(self.key)
        known = TITLES[self.system.family]
        chosen = [*known][:10] + [title for title in [*known][10:] if random.random() < 0.4]
        source = SOURCE_OF[self.system.family]
        return [
            {
                "name": name,
                "version": random.choice(known[name, publisher]),
                "source": source,
                **({"publisher": publisher} if publisher else {}),
            }
            for name, publisher in chosen
        ]


def make_device(seed: int, number: int) -> Device:
    """The device with this number in the estate of this seed."""
    random = Random(seed * 1_000_003 + number)
    model = random.choices(MODELS, [model.share for model in MODELS])[0]
    faults = frozenset(name for name, rate in RATES.items() if random.random() < rate and _can_have(model, name))
    systems = [system for system in (ENDED if "old_system" in faults else CURRENT) if system.family == model.family]
    short = "short_memory" in faults
    demand_gb = 3.8 if short else random.choice((2.8, 3.5, 4.2, 4.7))
    shift = random.choices(("office", "shift", "always"), (60, 34, 6))[0]
    # Somebody is always away for a few days; the others that fell silent have been so for long.
    silent_days = random.choice((2, 3, 4, 60, 75, 90, 120, 150))
    prefix = {"desktop": "PC", "laptop": "LT", "tablet": "TB", "virtual": "VM"}[model.device_class]
    return Device(
        number=number,
        seed=seed,
        model=model,
        system=random.choices(systems, [system.share for system in systems])[0],
        hostname=f"{prefix}-{number:05}",
        shift=shift,
        memory_gb=4 if short else model.memory_gb,
        demand_gb=demand_gb,
        drive="hdd" if "hard_disk" in faults else model.drive,
        cpu_factor=random.uniform(0.85, 1.2),
        faults=faults,
        fault_days=random.randrange(45, 160),
        silent_days=silent_days if "silent" in faults else 0,
        clock_seconds=random.choice(_CLOCKS) if "wrong_clock" in faults else 0,
        broken=_broken(random, model) if "broken_collector" in faults else None,
    )


def truth(estate: list[Device]) -> dict[str, dict[str, bool]]:
    """Hostname -> planted fault -> whether its evidence is sustained: the device reports and can tell."""
    return {device.hostname: {fault: _sustained(device, fault) for fault in sorted(device.faults)} for device in estate}


def _can_have(model: Model, fault: str) -> bool:
    if fault == "worn_cell":
        return model.battery_wh > 0
    if fault == "hard_disk":
        return model.drive == "ssd" and model.family == "windows" and model.device_class != "tablet"
    if fault == "slow_service":
        return model.family != "macos"  # whose starts cannot be told
    return fault != "short_memory" or (model.memory_gb == 8 and model.device_class != "virtual")


def _broken(random: Random, model: Model) -> tuple[str, str]:
    return random.choice([each for each in _BROKEN if each[0] != "battery" or model.battery_wh])


def _sustained(device: Device, fault: str) -> bool:
    told_by = {
        "worn_cell": ("battery",),
        "short_memory": ("hard_faults",),
        "slow_service": ("starts",),
        "hard_disk": ("hardware",),
        "full_disk": ("disks",),
    }
    blind = device.broken is not None and device.broken[0] in told_by.get(fault, ())
    return not blind and device.silent_days < 7
