"""What devices of unknown role are taken for."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwatch.core.model import Role
from netwatch.ledger import read

DEVICES = """device,address,managed,role
CORE,192.0.2.1,yes,core
ACC,192.0.2.2,yes,
OLT,192.0.2.3,yes,
CONV,,no,
CPE,192.0.2.4,yes,
BOX,192.0.2.5,yes,
ONU,,yes,
DUAL,192.0.2.6,yes,
MID,192.0.2.7,yes,
"""
LINKS = """link,a_device,a_port,z_device,z_port,medium
L1,CORE,1,ACC,1,fibre
L2,CORE,2,OLT,1,fibre
L3,ACC,2,CPE,1,fibre
L4,ACC,3,CONV,1,fibre
L5,CONV,2,BOX,1,copper
L6,OLT,gpon-1,ONU,1,pon
L7,ACC,4,DUAL,1,fibre
L8,OLT,2,DUAL,2,fibre
L9,CORE,3,MID,1,fibre
L10,ACC,5,MID,2,fibre
"""
CIRCUITS = """circuit,customer,a_device,z_device,working,protecting
C1,U1,CPE,CORE,L3 L1,L3 L10 L9
C2,U2,BOX,CORE,L5 L4 L1,
C3,U3,ONU,CORE,L6 L2,
C4,U2,DUAL,CORE,L7 L1,L8 L2
C5,U3,MID,CORE,L9,
"""


@pytest.mark.parametrize(
    ("device", "role"),
    [
        ("CORE", Role.CORE),
        ("ACC", Role.ACCESS),
        ("OLT", Role.OLT),
        ("CONV", Role.CONVERTER),
        ("CPE", Role.CPE),
        ("BOX", Role.CPE),
        ("ONU", Role.ONU),
        ("DUAL", Role.CPE),
        ("MID", Role.ACCESS),
    ],
)
def test_a_device_of_unknown_role_is_what_stands_in_such_a_place(tmp_path: Path, device: str, role: Role) -> None:
    (tmp_path / "devices.csv").write_text(DEVICES)
    (tmp_path / "links.csv").write_text(LINKS)
    (tmp_path / "circuits.csv").write_text(CIRCUITS)
    (tmp_path / "customers.csv").write_text("customer\nU1\nU2\nU3\n")
    ledger, warnings = read(tmp_path)
    assert ledger.devices[device].role is role
    assert any("presumed by where it stands" in w.what for w in warnings)
