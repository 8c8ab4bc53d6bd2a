"""Others to be measured beside: installed into a cache of this folder's own, never among the dependencies.

What cannot be had (no network, no apt, no wheel) is told, and left out.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

from _agent import CACHE

WHEELS = ("gufo-snmp", "netsnmp-cffi", "pysnmp", "cryptography", "uvloop")


@functools.cache
def python() -> Path | None:
    """A Python that has what of `WHEELS` can be had; where they are installed already nothing is asked of any index."""
    home = CACHE / "venv"
    own = home / "bin" / "python"
    if not own.exists() and subprocess.run([sys.executable, "-m", "venv", home], check=False).returncode:
        print("no virtual environment can be made: nobody is there to compare with")
        return None
    there = subprocess.run([own, "-m", "pip", "freeze"], check=False, capture_output=True, text=True).stdout
    for wheel in WHEELS:
        if f"{wheel}==" not in there.replace("_", "-"):
            line = [own, "-m", "pip", "install", "--quiet", "--only-binary", ":all:", wheel]
            done = subprocess.run(line, check=False, capture_output=True, text=True)
            if done.returncode:
                print(f"SKIPPED {wheel}: {(done.stderr.strip().splitlines() or ['pip failed'])[-1]}")
    return own


def debian(program: str, *packages: str) -> list[str] | None:
    """A command line that runs a program of Debian's: the one that is installed, or one unpacked from its packages."""
    if found := shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
        return [found]
    root = CACHE / "debian"
    if not list(root.glob(f"usr/*bin/{program}")):
        root.mkdir(parents=True, exist_ok=True)
        load = ["apt-get", "download", "--quiet", *packages]
        if (
            shutil.which("apt-get") is None
            or subprocess.run(load, cwd=root, check=False, capture_output=True).returncode
        ):
            print(f"SKIPPED {program}: Debian's package {packages[0]} cannot be had here")
            return None
        for package in root.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, root], check=True)
            package.unlink()
    libraries = [str(path) for path in root.glob("usr/lib/*/") if path.is_dir()]
    return ["env", f"LD_LIBRARY_PATH={':'.join(libraries)}", str(next(root.glob(f"usr/*bin/{program}")))]
