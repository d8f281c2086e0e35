"""What an estate can be bought and installed as: models, operating systems, software. Data only."""

from __future__ import annotations

from typing import NamedTuple


class Model(NamedTuple):
    """A model as it is bought. `share` is its weight in the estate; a `battery_wh` of 0 means none."""

    manufacturer: str
    name: str
    device_class: str
    cpu: str
    threads: int
    memory_gb: int
    drive: str
    drive_gb: int
    battery_wh: float
    family: str
    share: int


MODELS = (
    Model("Dell Inc.", "OptiPlex 3060", "desktop", "Intel Core i5-8500T", 6, 8, "ssd", 256, 0, "windows", 9),
    Model("Dell Inc.", "OptiPlex 7010", "desktop", "Intel Core i5-13500T", 20, 16, "nvme", 512, 0, "windows", 11),
    Model("HP", "ProDesk 400 G5", "desktop", "Intel Core i3-8100", 4, 8, "ssd", 256, 0, "windows", 8),
    Model("HP", "EliteDesk 800 G6", "desktop", "Intel Core i5-10500", 12, 16, "nvme", 256, 0, "windows", 8),
    Model("LENOVO", "ThinkCentre M70q", "desktop", "Intel Core i5-10400T", 12, 8, "nvme", 256, 0, "windows", 6),
    Model("LENOVO", "ThinkCentre M720s", "desktop", "Intel Core i5-9400", 6, 16, "ssd", 512, 0, "linux", 3),
    Model("Dell Inc.", "Latitude 5400", "laptop", "Intel Core i5-8365U", 8, 8, "ssd", 256, 68, "windows", 9),
    Model("Dell Inc.", "Latitude 5440", "laptop", "Intel Core i5-1345U", 12, 16, "nvme", 512, 54, "windows", 12),
    Model("HP", "EliteBook 840 G7", "laptop", "Intel Core i5-10310U", 8, 16, "nvme", 256, 53, "windows", 9),
    Model("LENOVO", "ThinkPad T14", "laptop", "AMD Ryzen 5 PRO 6650U", 12, 16, "nvme", 512, 52.5, "windows", 7),
    Model("LENOVO", "ThinkPad L480", "laptop", "Intel Core i5-8250U", 8, 8, "ssd", 256, 45, "linux", 2),
    Model("Apple Inc.", "MacBookPro18,3", "laptop", "Apple M1 Pro", 8, 16, "nvme", 512, 69.6, "macos", 2),
    Model("Microsoft", "Surface Pro 7", "tablet", "Intel Core i5-1035G4", 8, 8, "nvme", 128, 43.2, "windows", 5),
    Model("Panasonic", "Toughbook 33", "tablet", "Intel Core i5-10310U", 8, 16, "ssd", 512, 44, "windows", 4),
    Model("VMware, Inc.", "VMware7,1", "virtual", "Intel Xeon Gold 6338", 4, 8, "unknown", 128, 0, "windows", 3),
    Model("QEMU", "Standard PC (Q35)", "virtual", "AMD EPYC 7543", 4, 8, "unknown", 128, 0, "linux", 2),
)
# Processor -> (vendor, family, model and stepping; cores). A virtual machine is given fewer than the chip has.
PROCESSORS: dict[str, tuple[str | None, int]] = {
    "Intel Core i5-8500T": ("GenuineIntel 6 158 10", 6),
    "Intel Core i5-13500T": ("GenuineIntel 6 191 2", 14),
    "Intel Core i3-8100": ("GenuineIntel 6 158 11", 4),
    "Intel Core i5-10500": ("GenuineIntel 6 165 3", 6),
    "Intel Core i5-10400T": ("GenuineIntel 6 165 3", 6),
    "Intel Core i5-9400": ("GenuineIntel 6 158 10", 6),
    "Intel Core i5-8365U": ("GenuineIntel 6 142 12", 4),
    "Intel Core i5-1345U": ("GenuineIntel 6 186 3", 10),
    "Intel Core i5-10310U": ("GenuineIntel 6 142 12", 4),
    "AMD Ryzen 5 PRO 6650U": ("AuthenticAMD 25 68 1", 6),
    "Intel Core i5-8250U": ("GenuineIntel 6 142 10", 4),
    "Apple M1 Pro": (None, 8),
    "Intel Core i5-1035G4": ("GenuineIntel 6 126 5", 4),
    "Intel Xeon Gold 6338": ("GenuineIntel 6 106 6", 4),
    "AMD EPYC 7543": ("AuthenticAMD 25 1 1", 4),
}
CHASSIS_CODE = {"desktop": 3, "laptop": 10, "tablet": 30, "virtual": 1}


class System(NamedTuple):
    """An operating system as a device names it. `build` is Windows' number without its monthly revision."""

    family: str
    os_id: str | None
    name: str
    version: str
    build: str | None
    edition: str | None
    kernel: str | None
    share: int


# In support well beyond any day on which the estate is run.
CURRENT = (
    System("windows", None, "Windows 11 Enterprise", "25H2", "26200", "Enterprise", None, 6),
    System("windows", None, "Windows 11 Pro", "25H2", "26200", "Professional", None, 2),
    System("windows", None, "Windows 11 Enterprise LTSC 2024", "24H2", "26100", "EnterpriseS", None, 1),
    System("linux", "debian", "Debian GNU/Linux 13 (trixie)", "13", None, None, "6.12.48+deb13-amd64", 3),
    System("linux", "ubuntu", "Ubuntu 24.04.3 LTS", "24.04", None, None, "6.8.0-85-generic", 2),
    System("macos", None, "macOS Tahoe", "26.1", "25B78", None, "25.1.0", 1),
)
# Out of support, but for extensions that somebody has to buy.
ENDED = (
    System("windows", None, "Windows 10 Enterprise", "22H2", "19045", "Enterprise", None, 5),
    System("windows", None, "Windows 10 Pro", "21H2", "19044", "Professional", None, 2),
    System("windows", None, "Windows 11 Pro", "22H2", "22621", "Professional", None, 2),
    System("linux", "debian", "Debian GNU/Linux 10 (buster)", "10", None, None, "4.19.0-27-amd64", 1),
    System("linux", "ubuntu", "Ubuntu 20.04.6 LTS", "20.04", None, None, "5.4.0-216-generic", 2),
    System("macos", None, "macOS Monterey", "12.7", "21H1222", None, "21.6.0", 1),
)

# Title -> its versions as they are found side by side.
_WINDOWS_TITLES = {
    ("Microsoft Edge", "Microsoft Corporation"): ("141.0.3537.99", "142.0.3595.53", "142.0.3595.80"),
    ("Microsoft 365 Apps for enterprise - en-gb", "Microsoft Corporation"): ("16.0.19127.20302", "16.0.19231.20194"),
    ("Microsoft Teams", "Microsoft"): ("25275.2601.4002.2815", "25290.205.4069.4894"),
    ("Microsoft OneDrive", "Microsoft Corporation"): ("25.189.0928.0002", "25.199.1012.0002"),
    ("Microsoft Visual C++ 2022 Redistributable (x64)", "Microsoft Corporation"): ("14.42.34433.0", "14.44.35211.0"),
    ("Microsoft Visual C++ 2013 Redistributable (x64)", "Microsoft Corporation"): ("12.0.40664.0",),
    ("Microsoft .NET Runtime - 8.0.21 (x64)", "Microsoft Corporation"): ("64.84.45137",),
    ("Google Chrome", "Google LLC"): ("141.0.7390.123", "142.0.7444.60"),
    ("Adobe Acrobat (64-bit)", "Adobe"): ("24.005.20421", "25.001.20756"),
    ("Cisco Secure Client - AnyConnect VPN", "Cisco Systems, Inc."): ("5.1.8.105", "5.1.11.388"),
    ("Configuration Manager Client", "Microsoft Corporation"): ("5.00.9128.1000", "5.00.9132.1000"),
    ("Mozilla Firefox ESR (x64 en-GB)", "Mozilla"): ("128.14.0", "140.4.0"),
    ("VLC media player", "VideoLAN"): ("3.0.18", "3.0.21"),
    ("Java 8 Update 461", "Oracle Corporation"): ("8.0.4610.11",),
    ("Notepad++ (64-bit x64)", "Notepad++ Team"): ("8.7.9", "8.8.7"),
    ("Zoom Workplace (64-bit)", "Zoom Communications, Inc."): ("6.4.64360", "6.6.19875"),
    ("Microsoft SQL Server Management Studio - 20.2", "Microsoft Corporation"): ("20.2.30.0",),
    ("HP Hotkey Support", "HP"): ("6.3.9.1",),
    ("ArcGIS Pro", "Environmental Systems Research Institute, Inc."): ("3.3.52636", "3.5.57366"),
    ("LibreOffice 25.2.6.2", "The Document Foundation"): ("25.2.6.2",),
    ("GIMP 2.10.38", "The GIMP Team"): ("2.10.38",),
    ("Power BI Desktop", "Microsoft Corporation"): ("2.147.1085.0", "2.148.1226.0"),
    ("Git", "The Git Development Community"): ("2.47.1", "2.51.2"),
}
_PACKAGES = (
    "base-files bash coreutils dpkg apt systemd libc6 openssl openssh-client sudo python3 perl firefox-esr cups vim "
    "git libreoffice-core network-manager gnome-shell gdm3 curl wget rsync thunderbird vlc evince strongswan sssd "
    "nftables cron chrony pipewire wireplumber xserver-xorg fonts-dejavu ca-certificates"
)
_MAC_TITLES = {
    ("Microsoft Outlook", "Microsoft Corporation"): ("16.101", "16.102"),
    ("Microsoft Word", "Microsoft Corporation"): ("16.101", "16.102"),
    ("Microsoft Teams", "Microsoft Corporation"): ("25275.2602", "25290.302"),
    ("Google Chrome", "Google LLC"): ("141.0.7390.123", "142.0.7444.60"),
    ("Firefox", "Mozilla"): ("144.0.2",),
    ("Final Cut Pro", "Apple Inc."): ("11.2",),
    ("GarageBand", "Apple Inc."): ("10.4.12",),
}
Titles = dict[tuple[str, str], tuple[str, ...]]  # (title, publisher) -> versions
TITLES: dict[str, Titles] = {
    "windows": _WINDOWS_TITLES,
    "linux": {
        (name, ""): tuple(f"{1 + len(name) % 5}.{len(name)}-{n}" for n in (1, 2, 4)) for name in _PACKAGES.split()
    },
    "macos": _MAC_TITLES,
}
SOURCE_OF = {"windows": "registry", "linux": "dpkg", "macos": "macos"}
