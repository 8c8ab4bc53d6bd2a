"""The command lines of some simulated boxes: real SSH on loopback, a terminal like Huawei's, and what its MIBs hide.

paramiko serves in threads; what is answered is worked out on the event loop, where the plant lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterable
from zoneinfo import ZoneInfo

import paramiko

from netwatch.core.model import Device
from netwatch.core.time import Instant, moment
from netwatch.demo.plant import Plant

USER, PASSWORD = "netwatch", "yungang"
_UNKNOWN = "            ^\nError: Unrecognized command found at '^' position."
_RULE = "-" * 79
_PATIENCE = 5.0
"""Seconds for the event loop to say what is to be answered."""


class Shells:
    """The SSH servers of `devices`. `open` on a running loop, then `close`."""

    def __init__(self, plant: Plant, devices: Iterable[Device], clock: Callable[[], Instant], zone: ZoneInfo) -> None:
        self._plant, self._devices, self._clock, self._zone = plant, {d.id: d for d in devices}, clock, zone
        self._key = paramiko.ECDSAKey.generate()
        self._since: dict[str, Instant] = {}
        self._doors: list[socket.socket] = []
        self._lines: set[paramiko.Transport] = set()
        self._closed = False

    def open(self, port: int) -> str:
        """Listen at this TCP port of each box; returns what is to be known of the hosts. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        for device in self._devices.values():
            door = socket.create_server((device.address, port), backlog=16)
            self._doors.append(door)
            threading.Thread(target=self._accept, args=(door, device.id), daemon=True).start()
        key = f"{self._key.get_name()} {self._key.get_base64()}"
        return "".join(f"[{device.address}]:{port} {key}\n" for device in self._devices.values())

    def close(self) -> None:
        """Harmless twice."""
        self._closed = True
        for door in self._doors:
            with contextlib.suppress(OSError):
                door.shutdown(socket.SHUT_RDWR)
            door.close()
        for line in tuple(self._lines):
            line.close()
        self._doors.clear()

    # ------------------------------------------------------------ in threads

    def _accept(self, door: socket.socket, device: str) -> None:
        while True:
            try:
                connection, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, device), daemon=True).start()

    def _serve(self, connection: socket.socket, device: str) -> None:
        line = paramiko.Transport(connection)
        self._lines.add(line)
        line.add_server_key(self._key)
        try:
            if self._ask(device, "") is None:
                return
            line.start_server(server=_Guard())
            if (channel := line.accept(_PATIENCE)) is not None:
                self._talk(channel, device)
        except (paramiko.SSHException, EOFError, OSError):
            return  # whoever asked has gone
        finally:
            line.close()
            connection.close()  # a line that never began does not
            self._lines.discard(line)

    def _talk(self, channel: paramiko.Channel, device: str) -> None:
        prompt = f"<{device}>"
        channel.sendall(f"\r\nInfo: The max number of VTY users is 5.\r\n{prompt}")
        typed = b""
        while got := channel.recv(4096):
            typed += got.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            while b"\n" in typed:
                command, _, typed = typed.partition(b"\n")
                said = command.decode("utf-8", "replace").strip()
                answer = self._ask(device, said)
                if answer is None:
                    return
                channel.sendall(f"{said}\r\n" + "".join(f"{it}\r\n" for it in answer.splitlines()) + prompt)

    def _ask(self, device: str, command: str) -> str | None:
        """None when the box is out of reach."""
        if self._closed:
            return None
        asked = asyncio.run_coroutine_threadsafe(self._answer(device, command), self._loop)
        try:
            return asked.result(_PATIENCE)
        except (TimeoutError, asyncio.CancelledError):
            return None

    # ------------------------------------------------------------ on the loop

    async def _answer(self, device: str, command: str) -> str | None:
        if not self._plant.answers_ping(device):
            return None
        match command:
            case "":
                return ""
            case "screen-length 0 temporary":
                return "Info: The configuration takes effect on the current user terminal interface only."
            case "display alarm active":
                return self._alarms(device)
            case "display transceiver diagnosis interface":
                return self._levels(device)
            case _:
                return _UNKNOWN

    def _alarms(self, device: str) -> str:
        parts = sorted(part for box, _, part in (it.partition(" ") for it in self._plant.ailing) if box == device)
        self._since = {it: at for it, at in self._since.items() if it in self._plant.ailing}
        rows = []
        for n, part in enumerate(parts, 1):
            since = moment(self._since.setdefault(f"{device} {part}", self._clock()), self._zone)
            words = f'Fan failed. (EntPhysicalIndex={n}, PhysicalName="{part}")'
            rows += [f"{n:<10} 0x08520004 2     {since:%Y-%m-%d} {words}", f"{'':28}{since:%H:%M:%S}"]
        head = ["1:Critical  2:Major  3:Minor  4:Warning", _RULE, "Sequence   AlarmId    Level Date Time  Description"]
        return "\n".join([*head, _RULE, *rows, _RULE])

    def _levels(self, device: str) -> str:
        out = []
        for port in self._plant.ports(device):
            receives = "-7.20" if self._plant.lit(port) else "-40.00"
            out += [
                f"Port {port.name} transceiver diagnostic information:",
                "Parameter        Current       Low Alarm    High Alarm",
                "TxPower(dBm)    -5.10          -9.50        -3.00        normal",
                f"RxPower(dBm)    {receives:<14} -20.00       -3.00        normal",
                "",
            ]
        return "\n".join(out)


class _Guard(paramiko.ServerInterface):  # type: ignore[misc]
    """Lets NetWatch in, to a terminal and to nothing else."""

    def check_auth_password(self, username: str, password: str) -> int:
        fine = (username, password) == (USER, PASSWORD)
        return int(paramiko.AUTH_SUCCESSFUL if fine else paramiko.AUTH_FAILED)

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002
        fine = kind == "session"
        return int(paramiko.OPEN_SUCCEEDED if fine else paramiko.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED)

    def check_channel_pty_request(self, *_: object) -> bool:
        return True

    def check_channel_shell_request(self, channel: paramiko.Channel) -> bool:  # noqa: ARG002
        return True
