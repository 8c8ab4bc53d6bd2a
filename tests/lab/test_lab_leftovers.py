"""What a killed test run leaves behind, and that the next one removes it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from metro import Lab, UnavailableError, namespaces
from metro.patience import until
from metro.plan import NODES

pytestmark = pytest.mark.lab


def test_a_killed_run_leaves_no_process_and_the_next_lab_removes_its_namespaces(able: None) -> None:
    script = "from metro import Lab\nwith Lab():\n    print('standing', flush=True)\n    input()"
    command = [sys.executable, "-c", script]
    folder = Path(__file__).parent
    with subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "standing\n"
        with pytest.raises(UnavailableError, match="another lab"), Lab():
            pass
        assert any(namespaces.processes(node) for node in NODES)
        run.send_signal(signal.SIGKILL)
    until(lambda: not any(namespaces.processes(node) for node in NODES), "the routers died with the run")
    with Lab() as lab:
        assert lab.ping("cpe-a")
    assert namespaces.sweep() == []
