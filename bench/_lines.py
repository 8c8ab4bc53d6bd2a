"""The lines that `syslog.py` sends, and how: from a process of its own, by UDP, TCP or TLS."""

from __future__ import annotations

import random
import socket
import ssl
import subprocess

from _agent import CACHE

PORTS = (
    "<189>2026-7-23 01:00:34 sw-7 %%01IFNET/4/IF_STATE(l)[{0}]:Interface GE0/0/{1} has turned into {2} state.",
    "<187>{0}: *Jul 23 01:00:34.270: %LINK-3-UPDOWN: Interface GigabitEthernet0/{1}, changed state to {3}",
    "<28>Jul 23 01:00:34 r-7 mib2d[{0}]: SNMP_TRAP_LINK_{2}: ifIndex 5{1}, ifAdminStatus up(1), ifName ge-0/0/{1}",
)
"""Ports that go down and come up, in the words of three makers."""
OTHERS = (
    "<190>2026-7-23 01:00:34 sw-7 %%01SSH/6/SSH_USER_LOGIN(s)[{0}]:The SSH user succeeded in logging in. (User=u{1})",
    "<45>{0}: *Jul 23 01:00:34.270: %SYS-5-CONFIG_I: Configured from console by noc on vty0 (10.1.2.{1})",
    "<86>1 2026-07-23T01:00:34.270Z r-7 sshd {0} - - Accepted publickey for noc from 10.1.2.{1} port 5022 ssh2",
)
"""What makes up most of any log."""
SORTS = {"of ports": PORTS, "of no interest": OTHERS}


def context() -> ssl.SSLContext:
    """Of a server with a certificate of its own making."""
    key, certificate = CACHE / "syslog.key", CACHE / "syslog.pem"
    if not certificate.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        more = ["-keyout", key, "-out", certificate, "-days", "3650", "-subj", "/CN=bench"]
        subprocess.run([*made, *more], check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    return tls


def storm(port: int, count: int, sort: str, seed: int, way: str) -> None:
    """Make all, then send all, in one go."""
    chance, lines = random.Random(seed), list[bytes]()
    for number in range(seed * count, (seed + 1) * count):
        state = chance.choice(("DOWN", "UP"))
        line = chance.choice(SORTS[sort]).format(number, chance.randrange(48) + 1, state, state.lower())
        lines.append(line.encode())
    if way == "udp":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(("127.0.0.1", port))
            for line in lines:
                sock.send(line)
        return
    with socket.create_connection(("127.0.0.1", port)) as sock:
        if way == "tls":
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
            sock = tls.wrap_socket(sock)
        sock.sendall(b"".join(b"%d %s" % (len(line), line) for line in lines))
        if isinstance(sock, ssl.SSLSocket):
            sock.unwrap()
