"""One port, however it is written; two ports, however alike they look."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netwatch.core.ports import normal


@pytest.mark.parametrize(
    "names",
    [
        ("GE0/0/1", "GigabitEthernet0/0/1", "gi 0/0/1", "Gi0/0/1", "gigabitethernet 0/0/1", "gei-0/0/1"),
        ("GE0/0/1", "ＧＥ０／０／１"),
        ("FastEthernet0/1", "Fa0/1", "fe 0/1"),
        ("XGigabitEthernet0/0/1", "Ten-GigabitEthernet0/0/1", "TenGigE0/0/1", "XGE0/0/1", "Te0/0/1"),
        ("HundredGigE0/0/0/1", "100GE0/0/0/1", "Hu0/0/0/1"),
        ("25GE1/0/1", "TwentyFiveGigE1/0/1"),
        ("gpon-0/1/1", "gpon_olt-0/1/1", "gpon-olt_0/1/1", "GPON 0/1/1"),
        ("Eth-Trunk1", "eth-trunk 1", "Eth-Trunk 1"),
        ("Port-channel10", "Po10"),
        ("Bundle-Ether5", "BE5"),
        ("Vlanif100", "Vlan100", "vlan 100"),
        ("LoopBack0", "Lo0"),
    ],
    ids=lambda names: names[0],
)
def test_the_names_of_one_port_are_the_same(names: tuple[str, ...]) -> None:
    assert len({normal(n) for n in names}) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GE0/0/1", "GE0/0/11"),
        ("GE0/0/1", "GE0/1/1"),
        ("GE0/0/1", "XGE0/0/1"),
        ("GE0/0/1", "GE0/0/1.100"),
        ("25GE1/0/1", "100GE1/0/1"),
        ("Eth-Trunk1", "Ethernet1"),
        ("gpon-0/1/1", "epon-0/1/1"),
        ("Vlan1", "Lo1"),
    ],
)
def test_ports_that_only_look_alike_stay_apart(one: str, other: str) -> None:
    assert normal(one) != normal(other)


@given(st.text(max_size=24))
def test_the_form_is_final_and_any_text_has_one(name: str) -> None:
    assert normal(normal(name)) == normal(name)


@given(
    st.sampled_from(["GE", "gi", "Te", "eth", "gpon", "xge", "po"]),
    st.lists(st.integers(0, 99), min_size=1, max_size=4),
)
def test_case_and_spaces_do_not_matter(kind: str, numbers: list[int]) -> None:
    place = "/".join(map(str, numbers))
    assert normal(f" {kind.upper()}  {place} ") == normal(f"{kind.lower()}{place}")


@pytest.mark.parametrize("name", ["", "to customer", "1/1/c3", "电源1", "PSU 2", "mgmt", "-", "0"])
def test_a_name_of_no_known_kind_is_only_tidied(name: str) -> None:
    assert normal(name) == "".join(name.split()).lower()
