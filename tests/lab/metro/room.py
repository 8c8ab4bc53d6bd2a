"""The monitoring room: NetWatch as its people have it, and the crews' end of the line."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from metro.books import API, HOOK
from metro.namespaces import enter, inside
from metro.patience import until
from metro.plan import NMS

_NETWATCH = (str(Path(sys.executable).with_name("netwatch")),)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came by webhook."""

    channel: str
    body: dict[str, Any]


class Room:
    """`netwatch run` in the room's namespace, asked over HTTP and by its own commands.

    with Room(config) as room:
        room.listed("tickets", state="dispatched")
        room.command("circuit", "list")
        room.kill()             # -9
        room.start()            # returns when it is ready
        room.messages           # what crews and NOC were sent
    """

    def __init__(self, config: Path) -> None:
        self.config = config
        self.messages: list[Message] = []
        self._log_path = config.with_name("netwatch.log")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with inside(NMS):
            self._hook = ThreadingHTTPServer(("127.0.0.1", HOOK), _receiver(self.messages))
        threading.Thread(target=self._hook.serve_forever, daemon=True).start()
        try:
            self.start()
        except BaseException:
            self._hook.shutdown()
            self._hook.server_close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self.alive:
                self.stop()
        finally:
            self._hook.shutdown()
            self._hook.server_close()

    def start(self) -> None:
        command = ["setpriv", "--pdeathsig", "KILL", *enter(NMS), *_NETWATCH, "run", "-c", str(self.config)]
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

        def ready() -> bool:
            assert self._process is not None
            if self._process.poll() is not None:
                raise RuntimeError(f"netwatch run ended with {self._process.returncode}: {self.log()}")
            try:
                return self._get("/readyz").is_success
            except httpx.TransportError:
                return False

        until(ready, "NetWatch is ready", within=30)

    def kill(self) -> None:
        """As the machine's power would: nothing is put in order."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """In good order; its exit status."""
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def log(self) -> str:
        """All that NetWatch said, in all its lives."""
        return self._log_path.read_text("utf-8", "replace")

    def listed(self, name: str, **query: str) -> list[dict[str, Any]]:
        """All items of one of the API's lists."""
        page = self._get(f"/api/v1/{name}", {"limit": "1000", **query}).raise_for_status().json()
        assert page["next"] is None
        items: list[dict[str, Any]] = page["items"]
        return items

    def show(self, name: str, key: str) -> dict[str, Any]:
        """One item with its details."""
        found: dict[str, Any] = self._get(f"/api/v1/{name}/{key}").raise_for_status().json()
        return found

    def command(self, *words: str) -> Any:
        """What a read command of `netwatch` prints with --json."""
        command = [*enter(NMS), *_NETWATCH, *words, "--json", "-c", str(self.config)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)} ended with {done.returncode}: {done.stderr}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return lines[0] if len(lines) == 1 else lines

    def _get(self, path: str, query: dict[str, str] | None = None) -> httpx.Response:
        with inside(NMS):
            return httpx.get(f"http://127.0.0.1:{API}{path}", params=query, timeout=10, trust_env=False)


def _receiver(messages: list[Message]) -> type[BaseHTTPRequestHandler]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            messages.append(Message(self.path.strip("/"), json.loads(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Receiver
