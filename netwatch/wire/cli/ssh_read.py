"""From a credential and a family to what a device's command line tells: `ssh` and `read` put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from netwatch import config
from netwatch.wire.cli.read import CliReader, CommandLine
from netwatch.wire.cli.ssh import Ssh
from netwatch.wire.cli.target import Login, SshError, Target
from netwatch.wire.names import Names
from netwatch.wire.read import Read


@dataclass(frozen=True, slots=True)
class Access:
    """How one credential gets to a command line."""

    login: Login
    port: int = 22
    family: str = ""
    """Whose command line it is, where SNMP does not tell."""


def access(said: config.Credential) -> Access | None:
    """None when it is for SNMP alone. Reads secrets: in asyncio code call it from a thread. Raises UnusableError."""
    if not said.ssh_user:
        return None
    password = config.resolve(said.ssh_password) if said.ssh_password else ""
    key = config.resolve(said.ssh_key) if said.ssh_key else ""
    return Access(Login(said.ssh_user, password, key), said.ssh_port, said.ssh_family)


def choose(
    lines: Mapping[str, CommandLine], families: Iterable[str], suiting: Iterable[str] = ()
) -> CommandLine | None:
    """The command line of a device that suits these families.

    Where none has one, that of a family that `suiting` says it may be (its agent may hide what the family is known by);
    but none that stands in for another one, for nothing shows that it is the special case.
    """
    fit = [lines[name] for name in families if name in lines]
    if not fit:
        fit = [lines[name] for name in suiting if name in lines and not lines[name].cli.instead_of]
    given_way = {name for line in fit for name in line.cli.instead_of}
    return next((line for line in fit if line.family not in given_way), None)


async def read(ssh: Ssh, target: Target, line: CommandLine, names: Names | None = None, device: str = "") -> Read:
    """Everything that the family's commands tell. Raises SshError when there is no login.

    When the session breaks later, what came before is told, with the break as a problem.
    """
    reader = CliReader(line, names, device)
    try:
        return await ssh.visit(target, reader.all)
    except SshError as error:
        if not reader.answered:
            raise
        reader.found.problems.append(str(error))
        return reader.found
