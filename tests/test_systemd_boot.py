"""The shipped units under a real systemd, booted from this machine's own files into a throw-away container.

Needs root and systemd-nspawn, and Debian's Python in the version of this environment: the service runs as its own
user, who may not look into a developer's home.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from netwatch.cli.install_service import command as install_service

PROJECT = Path(__file__).parents[1]
INSIDE = Path("/srv/netwatch-checkout")
"""Where the container sees the checkout: it may lie in /tmp or in a home, which a service never sees."""
PYTHON = Path("/usr/bin/python3")
PATIENCE = 60.0

pytestmark = [pytest.mark.systemd, pytest.mark.timeout(240)]

PROGRAM = f"""#!{PYTHON}
import sys
sys.path[:0] = {[str(INSIDE), *(p.replace(str(PROJECT), str(INSIDE)) for p in sys.path if p.endswith("site-packages"))]}
from netwatch.cli import main
main()
"""

CONFIG = """
[paths]
ledger = "ledger"
state = "/var/lib/netwatch"
rules = "{project}/rules"
[poll]
interval_seconds = 2
timeout_seconds = 0.5
retries = 0
credential = "lab"
[credentials.lab]
community = {{ credential = "snmp-community" }}
[web]
listen = "127.0.0.1:8080"
"""


class Container:
    """A booted systemd; `do` runs a program in it."""

    def __init__(self, init: int, etc: Path) -> None:
        self._init, self.etc = init, etc

    def do(self, *words: str, check: bool = True) -> str:
        said = subprocess.run(
            ["nsenter", "-t", str(self._init), "-m", "-p", "-u", "-i", "-n", *words],
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        assert not check or said.returncode == 0, f"{words}: {said.stdout}{said.stderr}"
        return said.stdout.strip()

    def shows(self, *names: str) -> dict[str, str]:
        """Properties of the service."""
        lines = self.do("systemctl", "show", "netwatch.service", *(f"-p{name}" for name in names)).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def get(self, path: str) -> str:
        fetch = f"import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080{path}').read().decode())"
        return self.do(str(PYTHON), "-c", fetch)

    def journal(self) -> str:
        return self.do("journalctl", "-u", "netwatch.service", "-o", "cat", "--no-pager")

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < end, self.do("systemctl", "status", "netwatch.service", check=False)
            time.sleep(0.1)

    def until_it_runs(self, not_as: str = "") -> str:
        """The main process, once the service is active under another one than `not_as`."""

        def runs() -> bool:
            now = self.shows("ActiveState", "MainPID")
            return now["ActiveState"] == "active" and now["MainPID"] not in ("0", not_as)

        self.until(runs)
        return self.shows("MainPID")["MainPID"]


@pytest.fixture(scope="module")
def booted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Container]:
    missing = [tool for tool in ("systemd-nspawn", "nsenter", "unshare") if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        pytest.skip(f"booting a container needs root and {', '.join(missing) or 'nothing else'}")
    version = subprocess.run([PYTHON, "--version"], capture_output=True, text=True, check=False).stdout.split()
    if not version or version[1].split(".")[:2] != [str(n) for n in sys.version_info[:2]]:
        pytest.skip(f"{PYTHON} is not this environment's Python {sys.version_info[0]}.{sys.version_info[1]}")
    if not PROJECT.stat().st_mode & 0o001:
        pytest.skip(f"the service's own user cannot look into {PROJECT}")
    folder = tmp_path_factory.mktemp("boot")
    image = folder / "image"
    etc = image / "etc/netwatch"
    assert install_service.callback
    install_service.callback(dry_run=False, root=image)
    units = image / "etc/systemd/system"
    unit = (units / "netwatch.service").read_text("utf-8")
    start = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    unit = unit.replace(start, "ExecStart=/etc/netwatch/program run -c /etc/netwatch/config.toml")
    unit = unit.replace("#LoadCredential=snmp-community:", "LoadCredential=snmp-community:")
    unit = unit.replace("WatchdogSec=30", "WatchdogSec=5")
    (units / "netwatch.service").write_text(unit, "utf-8")
    (units / "multi-user.target.wants").mkdir()
    (units / "multi-user.target.wants/netwatch.service").symlink_to("../netwatch.service")
    (etc / "program").write_text(PROGRAM, "utf-8")
    (etc / "program").chmod(0o755)
    (etc / "config.toml").write_text(CONFIG.format(project=INSIDE), "utf-8")
    (etc / "config.toml").chmod(0o644)
    (etc / "credentials").mkdir(mode=0o700)
    (etc / "credentials/snmp-community").write_text("sesame\n", "utf-8")
    shutil.copytree(PROJECT / "tests/stories/data/night/ledger", etc / "ledger")
    for path in (image, *image.rglob("*")):
        if "credentials" not in path.parts and not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    (folder / "root").mkdir()
    binds = [f"--bind-ro={PROJECT}:{INSIDE}"]
    binds += [
        f"--bind-ro={image / place}:/{place}"
        for place in (
            "etc/systemd/system",
            "etc/netwatch",
            "etc/sysusers.d/netwatch.conf",
            "etc/tmpfiles.d/netwatch.conf",
        )
    ]
    # '/' itself is refused as a root, a bind of it is not; the bind lives and dies with its own mount namespace.
    boot = [
        "systemd-nspawn", "-q", "-D", str(folder / "root"), "--volatile=overlay", "--boot", "--register=no",
        "--keep-unit", f"--uuid={uuid.uuid4().hex}", "--link-journal=no", "--private-network", "--console=pipe", *binds,
    ]  # fmt: skip
    with (folder / "console").open("wb") as console:
        nspawn = subprocess.Popen(
            ["unshare", "-m", "sh", "-c", 'mount --bind / "$0" && exec "$@"', str(folder / "root"), *boot],
            stdin=subprocess.DEVNULL, stdout=console, stderr=console, start_new_session=True,
        )  # fmt: skip
        try:
            container = Container(_init_of(nspawn, folder / "console"), etc)
            container.until_it_runs()
            yield container
        finally:
            nspawn.terminate()  # nspawn turns it into an orderly poweroff
            try:
                nspawn.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                nspawn.kill()
                nspawn.wait()


def _init_of(nspawn: subprocess.Popen[bytes], console: Path) -> int:
    """The container's PID 1 as we number it, once its systemd answers."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if nspawn.poll() is not None:
            said = console.read_text("utf-8", "replace")
            pytest.skip(f"this machine does not let us boot a container: {said[-300:]}")
        children = Path(f"/proc/{nspawn.pid}/task/{nspawn.pid}/children").read_text("ascii").split()
        for child in children:
            if Path(f"/proc/{child}/comm").read_text("ascii").strip() == "systemd":
                probe = ["nsenter", "-t", child, "-m", "-p", "-u", "-i", "-n", "systemctl", "is-system-running"]
                if subprocess.run(probe, capture_output=True, text=True, check=False).stdout.strip() not in (
                    "",
                    "offline",
                ):
                    return int(child)
        time.sleep(0.1)
    raise AssertionError(console.read_text("utf-8", "replace"))


def test_it_becomes_ready_as_its_own_user_with_two_capabilities_and_the_sockets_of_its_units(booted: Container) -> None:
    pid = booted.until_it_runs()
    assert "watching 11 devices, 6 circuits" in booted.shows("StatusText")["StatusText"]
    status = booted.do("cat", f"/proc/{pid}/status")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == (1 << 10) | (1 << 13)  # CAP_NET_BIND_SERVICE, CAP_NET_RAW
    assert fields["NoNewPrivs"] == "1"
    assert fields["Uid"].split()[0] == booted.do("id", "-u", "netwatch")
    ready = next(json.loads(line) for line in booted.journal().splitlines() if " is ready: " in line)
    assert ready["listening"]["traps"][1] == 162
    assert ready["listening"]["syslog"][1] == 514


def test_a_credential_of_the_unit_is_read_and_kept_to_itself(booted: Container) -> None:
    assert "no credential" not in booted.journal()
    assert "sesame" not in booted.journal()
    assert booted.do("ls", "-A", "/etc/netwatch/credentials") == "snmp-community"


def test_pings_leave_the_hardened_service(booted: Container) -> None:
    booted.until(lambda: "SNMP is silent though ICMP answers" in booted.journal())


def test_what_it_writes_lies_in_its_state_directory_for_nobody_else_to_read(booted: Container) -> None:
    assert booted.do("stat", "-c", "%U %a", "/var/lib/netwatch") == "netwatch 750"
    assert booted.do("stat", "-c", "%U %a", "/var/lib/netwatch/act.token") == "netwatch 600"


def test_systemctl_reload_takes_up_a_new_ledger_in_the_same_process(booted: Container) -> None:
    pid = booted.until_it_runs()
    with (booted.etc / "ledger/devices.csv").open("a", encoding="utf-8") as devices:
        devices.write("CPE-6,Customer 6,cpe,h3c,P5,127.77.0.16,lab,yes\n")
    booted.do("systemctl", "reload", "netwatch.service")
    booted.until(lambda: "watching 12 devices" in booted.shows("StatusText")["StatusText"])
    assert booted.until_it_runs() == pid


def test_one_that_does_not_move_is_killed_by_the_watchdog_and_comes_back(booted: Container) -> None:
    pid = booted.until_it_runs()
    booted.do("kill", "-STOP", pid)
    booted.until_it_runs(not_as=pid)
    assert "Watchdog timeout" in booted.do("journalctl", "-u", "netwatch.service", "--no-pager")
    assert json.loads(booted.get("/readyz"))["status"] == "ready"


def test_one_that_is_killed_comes_back_and_its_sockets_never_went(booted: Container) -> None:
    pid = booted.until_it_runs()
    inode = booted.do("stat", "-L", "-c", "%i", f"/proc/{pid}/fd/3")
    booted.do("kill", "-KILL", pid)
    again = booted.until_it_runs(not_as=pid)
    assert booted.do("stat", "-L", "-c", "%i", f"/proc/{again}/fd/3") == inode


def test_systemctl_stop_is_a_success(booted: Container) -> None:
    booted.do("systemctl", "stop", "netwatch.service", "netwatch-traps.socket", "netwatch-syslog.socket")
    assert booted.shows("Result", "ExecMainStatus") == {"Result": "success", "ExecMainStatus": "0"}
    booted.do("systemctl", "start", "netwatch.service")
    booted.until_it_runs()


def test_a_config_that_cannot_be_used_is_not_tried_again_and_again(booted: Container) -> None:
    booted.do("systemctl", "stop", "netwatch.service")
    config = booted.etc / "config.toml"
    text = config.read_text("utf-8")
    config.write_text(text + "[wob]\n", "utf-8")
    try:
        booted.do("systemctl", "start", "netwatch.service", check=False)
        assert booted.shows("ActiveState", "ExecMainStatus", "NRestarts") == {
            "ActiveState": "failed",
            "ExecMainStatus": "78",
            "NRestarts": "0",
        }
    finally:
        config.write_text(text, "utf-8")
