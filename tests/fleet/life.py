"""What happens to a device: its days, its starts, its disk filling, its battery wearing. True time, no opinions.

Enters: a device and an instant (epoch milliseconds, UTC). Leaves: what is so at that instant, the same whenever it is
asked. Every day is drawn from a generator of its own, so that days can be asked for in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from random import Random

from tests.fleet.estate import Device

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
GIB = 2**30
# GiB a second that a drive really gives to a start's scattered reads; a virtual disk hides what it lies on.
_READ_RATE = {"hdd": 0.016, "ssd": 0.12, "nvme": 0.35, "unknown": 0.1}
_SHIFTS = ((6 * 60, 14 * 60), (14 * 60, 22 * 60), (0, 8 * 60))
_SERVICE = {"windows": ("Endpoint Inventory Service", "service"), "linux": ("estate-inventory.service", "unit")}
_SERVICE_SECONDS = 540.0
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Start:
    """One start: when the kernel's zero was, and its marks in seconds after it."""

    zero_at: int
    kind: str
    after_update: bool
    firmware: float
    culprits: tuple[tuple[str, str, float], ...]  # name, kind, seconds
    sign_in: float
    desktop: float
    usable: float
    settled: float


@dataclass(frozen=True)
class Day:
    """One UTC day of a device: in use from `begins` to `ends` (minutes after midnight; equal when it is not used)."""

    begins_at: int  # midnight, epoch ms
    begins: int
    ends: int
    starts: tuple[Start, ...]
    whims: bytes  # one byte for each hour: how that hour differs from a usual one
    wobble: float  # -1 to 1: how far this day's readings of disk and battery are off


class Life:
    """The life of one device, around the instant at which the estate was first run."""

    def __init__(self, device: Device, first_run_at: int) -> None:
        self.device = device
        self._first_run_at = first_run_at
        self._days: dict[int, Day] = {}
        random = Random(device.key)
        # (now, change a day): the free share of the system volume, and the battery's full charge over its design.
        self._space = (random.uniform(0.3, 0.7), random.uniform(0.0, 0.0003))
        self._health = (random.uniform(0.74, 0.99), random.uniform(0.0001, 0.0003))
        if "full_disk" in device.faults:
            self._space = (random.uniform(0.04, 0.06), random.uniform(0.002, 0.004))
        if "worn_cell" in device.faults:
            self._health = (random.uniform(0.32, 0.52), random.uniform(0.0004, 0.0008))

    def day(self, number: int) -> Day:
        """The day that lies so many days after 1970-01-01."""
        found = self._days.get(number)
        if found is None:
            found = self._days[number] = self._live(number)
        return found

    def days(self, begins_at: int, ends_at: int) -> Iterator[Day]:
        """The days that a span of time touches."""
        for number in range(begins_at // DAY, (ends_at - 1) // DAY + 1):
            yield self.day(number)

    def last_start(self, at: int) -> Start | None:
        """The start of the boot that runs at an instant; None when it lies weeks back."""
        for number in range(at // DAY, at // DAY - 15, -1):
            for start in reversed(self.day(number).starts):
                if start.zero_at <= at:
                    return start
        return None

    def free_bytes(self, at: int) -> int:
        """Free space of the system volume: it fills slowly, or, where something keeps writing, to the brim."""
        now, per_day = self._space
        days = (at - self._first_run_at) / DAY
        ratio = now - per_day * days + 0.002 * self.day(at // DAY).wobble
        return round(self.total_bytes * min(0.8, max(0.01, ratio))) // 4_096 * 4_096

    @property
    def total_bytes(self) -> int:
        """Size of the system volume: the drive without the partitions that its system keeps for itself."""
        return self.device.model.drive_gb * 10**9 - 900 * 2**20

    def battery(self, at: int) -> tuple[float, int]:
        """(watt-hours of a full charge, charge cycles)."""
        now, per_day = self._health
        days = (at - self._first_run_at) / DAY
        cycles = round((1.05 - now) * 1_200 + 0.6 * days)
        reading = now - per_day * days + 0.004 * self.day(at // DAY).wobble
        return round(self.device.model.battery_wh * min(1.02, max(0.1, reading)), 1), max(1, cycles)

    def patch_day(self, number: int) -> bool:
        """Whether updates are installed on a day."""
        on = _date(number)
        return on.day == self._patched_on(on)

    def patches(self, at: int) -> int:
        """How many months' updates are installed since 2020; a patch day's own, from its noon on."""
        on = _date((at - DAY // 2) // DAY)
        return (on.year - 2020) * 12 + on.month - (on.day < self._patched_on(on))

    def patched_at(self, at: int) -> int:
        """When the newest updates were installed, as far as an instant: that day's noon."""
        number = (at - DAY // 2) // DAY
        while not self.patch_day(number):
            number -= 1
        return number * DAY + DAY // 2

    def _patched_on(self, month: date) -> int:
        """The day of a month: its second Tuesday or, by device, up to six days on."""
        return 8 + (1 - month.replace(day=1).weekday()) % 7 + self.device.number % 7

    def _live(self, number: int) -> Day:
        random = Random(self.device.key * 100_003 + number)
        begins, ends = self._in_use(random, number)
        starts: tuple[Start, ...] = ()
        if begins != ends:
            marks = [begins] + ([random.randrange(begins + 60, ends - 60)] if random.random() < 0.15 else [])
            starts = tuple(self._start(random, number, minute=minute, first=minute == begins) for minute in marks)
        return Day(number * DAY, begins, ends, starts, random.randbytes(24), random.uniform(-1, 1))

    def _in_use(self, random: Random, number: int) -> tuple[int, int]:
        weekday = (number + 3) % 7  # 1970-01-01 was a Thursday
        shift = self.device.shift
        if shift == "always":
            return 3 * 60 + random.randrange(20), 24 * 60  # restarted each night, in its quiet hour
        used = random.random()
        if shift == "shift":
            begins, ends = _SHIFTS[(number // 7 + self.device.number) % 3]
            return (begins + random.randrange(25), ends - random.randrange(25)) if used < 0.75 else (0, 0)
        if used > (0.05 if weekday >= 5 else 0.96):
            return 0, 0
        return 7 * 60 + random.randrange(100), 16 * 60 + random.randrange(150)

    def _start(self, random: Random, number: int, *, minute: int, first: bool) -> Start:
        device = self.device
        # Portable devices are shut down, which saves the kernel for a fast start; not so where a hard disk starts them.
        sleeps = device.model.family == "windows" and device.model.battery_wh > 0 and device.drive != "hdd"
        kind = "fast_startup" if sleeps and random.random() < 0.6 else "full"
        after_update = first and self.patch_day(number)
        pace = device.cpu_factor * random.lognormvariate(0, 0.1) * (1.5 if after_update else 1.0)
        rate = _READ_RATE[device.drive] / (0.6 if kind == "fast_startup" else 1.0)
        sign_in = pace * (7 + (0.9 / rate))
        desktop = sign_in + pace * (4 + 0.5 / rate)
        usable = desktop + pace * (5 + 0.9 / rate)
        settled = usable + pace * (20 + 0.6 / rate)
        zero_at = number * DAY + minute * MINUTE + random.randrange(MINUTE)
        held_up: tuple[tuple[str, str, float], ...] = ()
        if "slow_service" in device.faults and zero_at > self._first_run_at - device.fault_days * DAY:
            seconds = round(_SERVICE_SECONDS * random.uniform(0.95, 1.05), 1)
            usable, settled = usable + seconds, settled + seconds
            held_up = ((*_SERVICE[device.model.family], seconds),)
        firmware = random.uniform(5, 9) if device.drive != "hdd" else random.uniform(9, 14)
        marks = [round(mark, 2) for mark in (sign_in, desktop, usable, settled)]
        return Start(zero_at, kind, after_update, round(firmware, 2), held_up, *marks)


def iso(at: int) -> str:
    """An instant as a device writes it."""
    day, rest = divmod(at, DAY)
    return f"{_date(day)}T{rest // HOUR:02}:{rest // MINUTE % 60:02}:{rest // 1000 % 60:02}.{rest % 1000:03}Z"


@lru_cache(maxsize=1_024)
def _date(number: int) -> date:
    return _EPOCH + timedelta(days=number)
