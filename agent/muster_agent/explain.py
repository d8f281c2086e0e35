"""What every field on the wire is read for, and how long the server keeps it: the one table, for `show --explain`.

Enters: nothing. Leaves: `FIELDS`, and its text. Fields within others are joined by dots. How long is the server's
default; its README says what an administrator can change.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

ENROLLED = "as long as the device is known"
DEVICE = "the newest as long as the device is known; as it came 7 days"
YEAR = "13 months; as it came 7 days"
EXACT = "exactly for 7 days, then by the hour for 13 months"
HOURS = "hours 30 days, days 13 months; as it came 7 days"
DAYS = "the newest as long as the device is known, days 13 months; as it came 7 days"
WEEK = "7 days"


class Why(NamedTuple):
    """Some fields of a section, what they are read for, and how long they are kept."""

    fields: str
    reason: str
    kept: str


_MARK = "to_{0}_seconds to_{0}_quality to_{0}_revision"
FIELDS: dict[str, tuple[Why, ...]] = {
    "enrolment": (
        Why("agent.version agent.platform", "which agent asks to be let in", ENROLLED),
        Why("hardware.smbios_uuid hardware.disk_serial hardware.hardware_hash",
            "knows the hardware again after a reinstall, and two devices that claim to be one", ENROLLED),
        Why("hardware.system_serial", "finds the device in the force's register of assets", ENROLLED),
        Why("hardware.machine_hash", "knows a device that tells fewer than two hints; a keyed hash, never the id",
            ENROLLED),
        Why("hostname", "finds the device for whoever has to mend it", ENROLLED),
        Why("key", "lets the device in", "not kept: it is compared with those that were given out"),
    ),
    "envelope": (
        Why("sent_at boot_id monotonic_seconds", "puts reports in time when the device's clock is wrong", WEEK),
        Why("agent.version agent.platform", "which agents are old", DEVICE),
        Why("reports", "the reports themselves, below", WEEK),
    ),
    "report": (
        Why("report_id", "counts each report once", "its number 13 months"),
        Why("schema", "reads the report as it was meant", WEEK),
        Why("collected_at boot_id monotonic_seconds", "puts facts in time when the device's clock is wrong", WEEK),
        Why("hardware_hash", "notices a copied disk", YEAR),
        Why("outcomes.outcome outcomes.problem",
            "tells what could not be read, so that unknown is never taken for good", DEVICE),
        Why("outcomes.seconds", "tells what the agent itself costs", DEVICE),
        Why("sections", "the facts, below", WEEK),
    ),
    "system": (
        Why("hostname", "finds the device for whoever has to mend it", DEVICE),
        Why("os_family os_id os_name os_version os_build os_edition kernel architecture",
            "whether the operating system is still supported", DEVICE),
        Why("os_installed_on", "how long ago the system was set up anew", DEVICE),
        Why("updated_on", "whether updates still arrive", DEVICE),
        Why("esu_year", "whether paid updates keep an old Windows supported", DEVICE),
    ),
    "hardware": (
        Why("device_class chassis_code manufacturer model", "what kind of device it is, and which it is like", DEVICE),
        Why("serial", "finds the device in the force's register of assets", DEVICE),
        Why("bios_version bios_on", "how old the firmware is", DEVICE),
        Why("cpu_model cpu_cores cpu_threads cpu_id memory_bytes",
            "what it can do, and whether Windows 11 runs on it", DEVICE),
        Why("firmware secure_boot tpm_version", "whether Windows 11 runs on it, or would after a setting", DEVICE),
        Why("memory_slots.bytes memory_slots.kind memory_slots.speed_mts memory_slots.soldered memory_limit_bytes",
            "whether memory can be added instead of buying a device", DEVICE),
        Why("drives.name drives.kind drives.model drives.size_bytes drives.system",
            "whether a faster or larger drive would cure it", DEVICE),
        Why("drives.wear_percent drives.power_on_hours drives.failing", "whether a drive is about to fail", DEVICE),
        Why("drivers.kind drivers.name drivers.provider drivers.version drivers.dated_on",
            "how old drivers are", DEVICE),
    ),
    "place": (
        Why("join site organisational_unit", "which unit and site the device belongs to; never a person", DEVICE),
    ),
    "starts": (
        Why("start_id exact_id", "counts each start once", YEAR),
        Why("kind", "compares starts of one kind only", YEAR),
        Why("zero_at", "in which order starts came", EXACT),
        *(Why(_MARK.format(mark), f"how long people wait for {what}", YEAR) for mark, what in (
            ("sign_in", "the sign-in screen"), ("desktop", "the desktop"), ("usable", "a device that can be used"),
            ("settled", "the end of what goes on behind the desktop"))),
        Why("firmware_seconds loader_seconds kernel_seconds initrd_seconds userspace_seconds session_seconds "
            "sign_in_other_seconds machine_policy_seconds user_policy_seconds shell_seconds settling_seconds",
            "in which part of a start the time goes", YEAR),
        Why("lower_bounds", "says at least where a wait was longer than could be measured", YEAR),
        Why("stop_before stop_code", "how often the device crashes or is switched off by force", YEAR),
        Why("before_agent after_update", "does not blame the agent, nor a start after updates", YEAR),
        Why("culprits.name culprits.kind culprits.seconds",
            "which program, driver or service makes starts slow (setting culprit_names)", YEAR),
    ),
    "sign_ins": (
        Why("sign_in_id", "counts each sign-in once; made of no name", YEAR),
        Why("at", "in which order sign-ins came", EXACT),
        Why("kind", "compares sign-ins of one kind only", YEAR),
        Why("to_desktop_seconds to_desktop_quality to_usable_seconds lower_bounds", "how long people wait", YEAR),
        Why("authentication_seconds policy_seconds profile_seconds shell_seconds", "in which part the time goes", YEAR),
        Why("before_agent", "does not blame the agent", YEAR),
    ),
    "use": (
        Why("hours.hour_at levels", "puts minutes in their hour", HOURS),
        Why("hours.cpu", "whether the processor is too slow for the work", HOURS),
        Why("hours.memory hours.memory_pressure hours.commit_pressure",
            "whether memory is too small for the work", HOURS),
        Why("hours.disk hours.disk_wait", "whether the drive holds people up", HOURS),
        Why("hours.missed hours.suspended", "how much is not known, so that it is not taken for idle", HOURS),
    ),
    "disks": (
        Why("volumes.name volumes.total_bytes volumes.free_bytes volumes.system", "whether space runs out", DAYS),
    ),
    "battery": (
        Why("packs.name packs.unit packs.design packs.full packs.cycles", "how worn the battery is", DAYS),
        Why("packs.charge_percent packs.charge_limit_percent packs.state", "when a reading of it can be trusted", DAYS),
    ),
    "software": (
        Why("titles.name titles.version titles.publisher titles.source titles.installed_on",
            "which software is out of support (setting software_titles)", DEVICE),
        Why("more_titles", "says when the list was too long to send", DEVICE),
    ),
    "restart": (Why("pending reasons", "whether a restart would do already", DEVICE),),
    "agent": (
        Why("rejected_reports thinned_reports spool_full gaps.first_at gaps.last_at gaps.reports",
            "what was lost on the way", DEVICE),
        Why("disabled_collectors notes", "what the agent switched off because it cost too much", DEVICE),
    ),
}  # fmt: skip


def lines() -> Iterator[str]:
    """The table for people: section, field, why, how long."""
    yield "Every field that may be sent: why it is read, and how long the server keeps it. No account is named in any."
    for section, rows in FIELDS.items():
        yield f"\n{section}"
        for why in rows:
            for field in why.fields.split():
                yield f"  {field}\n      {why.reason}; kept: {why.kept}"
