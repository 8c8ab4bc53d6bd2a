"""The first process of a router: gives it its own /etc, /run and daemons, then waits to be killed.

Runs as pid 1 in namespaces of its own (network, mount, uts, ipc, pid), so daemons use their
normal paths and killing this one process is pulling the plug. Told what to do by one JSON
object on stdin: hostname, files, commands. Standard library only: ten of these start at once.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

_OWN = ("/run", "/etc/frr", "/etc/snmp", "/var/lib/snmp", "/var/log", "/var/tmp")


def main() -> None:
    spec = json.load(sys.stdin)
    for directory in _OWN:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0755", "tmpfs", directory], check=True)
    socket.sethostname(spec["hostname"])
    for directory in ("/run/frr", "/var/log/frr", "/var/tmp/frr"):
        Path(directory).mkdir()
        shutil.chown(directory, "frr", "frr")
    for path, text in spec["files"].items():
        Path(path).write_text(text)
    for path in Path("/etc/frr").iterdir():
        shutil.chown(path, "frr", "frr")
    for path, value in spec["sysctl"].items():
        Path("/proc/sys", path).write_text(value)
    for command in spec["commands"]:
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    print("up", flush=True)
    while True:
        try:
            os.wait()  # daemons fork away from their parents: what ends comes here
        except ChildProcessError:
            return  # nothing lives here any more


if __name__ == "__main__":
    main()
