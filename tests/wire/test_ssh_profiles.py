"""What the command lines of the shipped families say, held against answers as devices gave them."""

from __future__ import annotations

from pathlib import Path

import pytest

from netwatch import config
from netwatch.core.model import Condition, State
from netwatch.findings import UnusableError
from netwatch.wire.cli.profile import Cli
from netwatch.wire.cli.read import CliReader, NotKnownError, command_lines, merge
from netwatch.wire.profile import Profiles
from netwatch.wire.read import Read, Seen

FOLDERS = config.listing(None, "collectors")
LINES = command_lines(Profiles.of(FOLDERS).families, FOLDERS)


def read(family: str, command: str, text: str) -> Read:
    line = LINES[family]
    (known,) = (c for c in line.cli.command if c.command == command)
    return CliReader(line).understood(known, text)


# ---------------------------------------------------------------- templates of our own, after vendors' references


def test_an_alarm_of_vrp_is_put_together_from_the_lines_that_it_was_cut_into() -> None:
    told = read(
        "huawei_vrp",
        "display alarm active",
        """1:Critical  2:Major  3:Minor  4:Warning
-------------------------------------------------------------------------------
Sequence   AlarmId    Level Date Time  Description
-------------------------------------------------------------------------------
1393       0xF10091   4     2024-01-02 The CA certificate is invalid. (CACertSta
                            20:53:26   rtTime=2022-02-14 06:48:00, FileName=huaw
                                       ei1.cer)
7          0x8520003  2     2024-01-03 Power supply failed. (EntPhysicalIndex=67108873,
                            01:02:03+08:00 PhysicalName="PWR2")
-------------------------------------------------------------------------------
""",
    )
    first, second = told.lists["alarms"]
    assert first["text"].endswith("(CACertStartTime=2022-02-14 06:48:00, FileName=huawei1.cer)")
    assert (first["id"], first["severity"], first["since"]) == ("0xF10091", "warning", "2024-01-02 20:53:26")
    assert (second["severity"], second["component"]) == ("major", "PWR2")
    assert [(s.component, s.condition, s.state) for s in told.seen] == [("PWR2", Condition.SUPPLY, State.BAD)]


def test_an_ospf_neighbour_of_vrp() -> None:
    told = read(
        "huawei_vrp",
        "display ospf peer",
        """
         OSPF Process 1 with Router ID 10.1.1.2
                 Neighbors

 Area 0.0.0.0 interface 10.1.1.2(GigabitEthernet0/0/2)'s neighbors
 Router ID: 10.9.9.1         Address: 10.1.1.1         GR State: Normal
   State: Full  Mode:Nbr is  Slave  Priority: 1
   DR: 10.1.1.1  BDR: None   MTU: 0
   Dead timer due in 35  sec
""",
    )
    (row,) = told.lists["sessions"]
    assert (row["peer"], row["router_id"], row["local_port"], row["state"]) == (
        "10.1.1.1", "10.9.9.1", "GigabitEthernet0/0/2", "full",
    )  # fmt: skip
    assert told.seen[0].component == "ospf 10.1.1.1"


NQA = """
NQA entry(admin, udpjitter): test flag is active, test type is JITTER
  1 . Test 1 result   The test is finished
   SendProbe: 1000                         ResponseProbe: 919
   Completion: failed                      RTD over thresholds number: 0
   Min/Max/Avg/Sum RTT: 1/408/5/4601       RTT square sum: 1032361
   Packet loss ratio: 8 %
  2 . Test 2 result   The test is finished
   Completion: success                     RTD over thresholds number: 0
   Min/Max/Avg/Sum RTT: 1/40/7/4601        RTT square sum: 1032361

NQA entry(user, test) :test flag is active ,test type is ICMP
  1 . Test 1 result The test is finished
   Send operation times: 2              Receive response times: 2
   Completion:failed                    RTD over thresholds number: 0
   Destination IP address:10.1.30.1
   Min/Max/Average completion time: 3/4/3
   Lost packet ratio: 50 %
"""


def test_of_an_nqa_test_the_last_record_is_told() -> None:
    told = read("huawei_vrp", "display nqa results", NQA)
    jitter, icmp = told.lists["tests"]
    assert (jitter["name"], jitter["state"], jitter["rtt_ms"], jitter["loss_ratio"]) == (
        "admin udpjitter", "ok", 7, None,
    )  # fmt: skip
    assert (icmp["name"], icmp["type"], icmp["state"], icmp["rtt_ms"], icmp["loss_ratio"], icmp["destination"]) == (
        "user test", "ICMP", "failed", 3, 0.5, "10.1.30.1",
    )  # fmt: skip
    assert [(s.component, s.state) for s in told.seen] == [
        ("nqa admin udpjitter", State.OK),
        ("nqa user test", State.BAD),
    ]


def values(told: Read) -> dict[tuple[str, str], float]:
    return {(row["port"], row["class"]): row["value"] for row in told.lists["sensors"]}


def test_levels_of_a_module_of_vrp_are_those_of_its_first_lane() -> None:
    told = read(
        "huawei_vrp",
        "display transceiver diagnosis interface",
        """Port 100GE0/0/3 transceiver diagnostic information:
Parameter        Current       Low Alarm    High Alarm
  Type            Value        Threshold    Threshold    Status
-------------   ---------      ---------    ----------   --------
TxPower(dBm)    2.84  (lane0)  -2.00        6.30         abnormal
                -40.00(lane1)
RxPower(dBm)    -8.64 (lane0)  5.93         6.30         abnormal
                -40.00(lane1)
Current(mA)     70.18 (Lane0)  5.00         120.00       abnormal
Voltage(V)      3.39           3.13         3.47         normal

Port 10GE0/0/4 transceiver diagnostic information:
TxPower(dBm)    -2.10          -9.00        1.00         normal
RxPower(dBm)    -40.00         -14.00       1.00         abnormal
""",
    )
    assert values(told) == {
        ("100GE0/0/3", "rx_power"): -8.64,
        ("100GE0/0/3", "tx_power"): 2.84,
        ("100GE0/0/3", "bias"): 70.18,
        ("10GE0/0/4", "tx_power"): -2.1,
    }


def test_levels_of_comware_are_the_current_ones_and_not_the_limits() -> None:
    told = read(
        "h3c_comware",
        "display transceiver diagnosis interface",
        """GigabitEthernet1/0/1 transceiver diagnostic information:
  Current diagnostic parameters:
    Temp(°C)  Voltage(V)  Bias(mA)  RX power(dBm)  TX power(dBm)
    36        3.31        6.13      -35.64          -5.19
  Alarm thresholds:
           Temp(°C)   Voltage(V)  Bias(mA)  RX power(dBM)  TX power(dBM)
    High   50         3.55        1.44      -10.00         5.00
    Low    30         3.01        1.01      -30.00         0.00
GigabitEthernet1/0/2 transceiver diagnostic information:
  The transceiver does not support this function.
Ten-GigabitEthernet1/0/25 transceiver diagnostic information:
  Current diagnostic parameters:
    Temp.(C) Voltage(V) Bias(mA) RX power(dBm) TX power(dBm)
    32.1     3.31       6.4      -6.10         -3.20
""",
    )
    assert values(told) == {
        ("GigabitEthernet1/0/1", "rx_power"): -35.64,
        ("GigabitEthernet1/0/1", "tx_power"): -5.19,
        ("GigabitEthernet1/0/1", "bias"): 6.13,
        ("Ten-GigabitEthernet1/0/25", "rx_power"): -6.1,
        ("Ten-GigabitEthernet1/0/25", "tx_power"): -3.2,
        ("Ten-GigabitEthernet1/0/25", "bias"): 6.4,
    }


def test_ospf_neighbours_of_comware() -> None:
    told = read(
        "h3c_comware",
        "display ospf peer",
        """
          OSPF Process 1 with Router ID 1.1.1.1
                Neighbor Brief Information

 Area: 0.0.0.0
 Router ID       Address         Pri Dead-Time  State             Interface
 1.1.1.2         10.1.1.2        1   40         Full/DR           GE1/0/1
 1.1.1.3         10.1.2.2        1   35         Init/ -           GE1/0/2
""".replace("Init/ -  ", "Init/-   "),
    )
    assert [(s.component, s.state) for s in told.seen] == [("ospf 10.1.1.2", State.OK), ("ospf 10.1.2.2", State.BAD)]


def test_alarms_and_levels_of_junos() -> None:
    told = read(
        "juniper",
        "show chassis alarms",
        """2 alarms currently active
Alarm time               Class  Description
2024-02-11 10:01:10 CST  Minor  PEM 1 Absent
2024-02-11 10:01:12 CST  Major  FPC 3 Hard errors
""",
    )
    assert [(s.component, s.condition) for s in told.seen] == [
        ("PEM 1", Condition.SUPPLY),
        ("FPC 3", Condition.HARDWARE),
    ]
    assert read("juniper", "show chassis alarms", "No alarms currently active\n").lists["alarms"] == []
    optics = read(
        "juniper",
        "show interfaces diagnostics optics",
        """Physical interface: ge-0/0/6
    Laser bias current                        :  14.522 mA
    Laser output power                        :  0.2140 mW / -6.70 dBm
    Receiver signal average optical power     :  0.0872 mW / -10.59 dBm
    Laser rx power low alarm threshold        :  0.0020 mW / -26.99 dBm
Physical interface: et-0/1/0
  Lane 0
    Laser bias current                        :  6.500 mA
    Laser output power                        :  0.900 mW / -0.46 dBm
    Laser receiver power                      :  0.500 mW / -3.01 dBm
  Lane 1
    Laser output power                        :  0.800 mW / -0.97 dBm
    Laser receiver power                      :  0.000 mW / - Inf dBm
""",
    )
    assert values(optics)["ge-0/0/6", "rx_power"] == -10.59
    assert (values(optics)["et-0/1/0", "rx_power"], values(optics)["et-0/1/0", "tx_power"]) == (-3.01, -0.46)


# ---------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    "answer",
    [
        "            ^\nError: Unrecognized command found at '^' position.",
        "% Unknown command: show x",
        "                 ^\n% Invalid input detected at '^' marker.",
        "Error: You do not have permission to run the command.",
        "syntax error, expecting <command>.",
    ],
)
def test_a_command_that_the_device_does_not_know_is_no_answer(answer: str) -> None:
    with pytest.raises(NotKnownError):
        read("huawei_vrp", "display bgp peer", answer)


def test_one_answer_that_nobody_understands_is_a_problem_and_the_rest_is_told() -> None:
    answers = {"display lldp neighbor": "a wholly other table\nof no known form", "display ospf peer": ""}
    line = LINES["huawei_vrp"]
    told = CliReader(line).all(lambda command: answers.get(command, NQA if "nqa" in command else "Error: Unrecognized"))
    assert len(told.lists["tests"]) == 2
    assert any("display lldp neighbor" in problem for problem in told.problems)
    assert not any("display transceiver" in problem for problem in told.problems)  # not every box knows it


def test_a_template_that_is_not_there_or_is_none_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "bad.textfsm").write_text("Value X\nStart\n")
    (tmp_path / "acme" / "profile.toml").write_text(
        'title = "x"\nanswers = ["1.3.6"]\n[cli]\ndevice_type = "huawei_vrp"\n'
        '[[cli.command]]\ncommand = "display a"\ntemplate = "gone.textfsm"\n'
        '[[cli.command]]\ncommand = "display b"\ntemplate = "bad.textfsm"\n'
    )
    folders = {"acme": tmp_path / "acme"}
    with pytest.raises(UnusableError) as wrong:
        command_lines(Profiles.of(folders).families, folders)
    assert len(wrong.value.findings) == 2


def test_a_profile_that_names_a_command_that_writes_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme" / "profile.toml").write_text(
        'title = "x"\nanswers = ["1.3.6"]\n[cli]\ndevice_type = "huawei_vrp"\n'
        '[[cli.command]]\ncommand = "reset saved"\n'
    )
    with pytest.raises(UnusableError, match=r"profile.toml:6.*only reads"):
        Profiles.of({"acme": tmp_path / "acme"})


def test_holes_take_a_plain_word_and_nothing_else() -> None:
    cli = Cli.model_validate(
        {"device_type": "x", "command": [{"command": "display ont info {slot} all", "each": "boards"}]}
    )
    assert cli.allows("display ont info 0/1 all")
    assert not cli.allows("display ont info 0/1 all all")
    assert not cli.allows("display ont info 0\nreboot all")
    assert not cli.allows("display ont info  all")


# ---------------------------------------------------------------- both told together


def test_what_ssh_adds_fills_gaps_and_contradicts_nothing() -> None:
    first = Read(
        lists={"sessions": [{"kind": "bgp", "peer": "192.0.2.1", "state": "established", "remote_as": None}]},
        seen=[Seen("GE0/0/1", Condition.LINK, State.OK, "")],
    )
    second = Read(
        lists={
            "sessions": [
                {"kind": "bgp", "peer": "192.0.2.1", "state": "idle", "remote_as": "65001"},
                {"kind": "bgp", "peer": "192.0.2.2", "state": "idle"},
            ],
            "alarms": [{"text": "x"}],
        },
        seen=[
            Seen("GigabitEthernet0/0/1", Condition.LINK, State.BAD, ""),
            Seen("PWR1", Condition.SUPPLY, State.BAD, ""),
        ],
        problems=["p"],
    )
    merge(first, second)
    assert first.lists["sessions"] == [
        {"kind": "bgp", "peer": "192.0.2.1", "state": "established", "remote_as": "65001"},
        {"kind": "bgp", "peer": "192.0.2.2", "state": "idle"},
    ]
    assert first.lists["alarms"] == [{"text": "x"}]
    assert [(s.component, s.state) for s in first.seen] == [("GE0/0/1", State.OK), ("PWR1", State.BAD)]
    assert first.problems == ["p"]


def test_what_one_command_tells_of_a_port_fills_what_another_left_out() -> None:
    answers = {
        "display interface brief": """PHY: Physical
Interface                   PHY   Protocol  InUti OutUti   inErrors  outErrors
GigabitEthernet0/0/1        up    up        0.01%  0.01%          0          0
GigabitEthernet0/0/2        *down down         0%     0%          0          0
""",
        "display interface description": """PHY: Physical
Interface                     PHY     Protocol Description
GE0/0/1                       up      up       to the tower
GE0/0/9                       up      up       a spare
""",
    }
    told = CliReader(LINES["huawei_vrp"]).all(lambda command: answers.get(command, "Error: Unrecognized"))
    assert [(row["name"], row.get("oper"), row["alias"]) for row in told.lists["ports"] if row.get("alias")] == [
        ("GigabitEthernet0/0/1", "up", "to the tower"),
        ("GE0/0/9", None, "a spare"),
    ]
    assert len(told.lists["ports"]) == 3


def test_of_a_test_by_rpm_the_last_that_ended_counts_and_not_all_of_them() -> None:
    told = read(
        "juniper",
        "show services rpm probe-results",
        """    Owner: line7, Test: far-end
    Target address: 10.1.1.9, Probe type: icmp-ping
    Test size: 5 probes
    Probe results:
      Response received, Mon Feb 12 09:00:03 2024
      Rtt: 810 usec
    Results over current test:
      Probes sent: 1, Probes received: 0, Loss percentage: 100
    Results over last test:
      Probes sent: 5, Probes received: 4, Loss percentage: 20
      Measurement: Round trip time
        Samples: 4, Minimum: 700 usec, Maximum: 900 usec, Average: 800 usec, Peak to peak: 200 usec, Stddev: 70 usec
    Results over all tests:
      Probes sent: 900, Probes received: 0, Loss percentage: 100
      Measurement: Round trip time
        Samples: 800, Minimum: 1 usec, Maximum: 2 usec, Average: 1 usec

    Owner: line8, Test: far-end
    Target address: 10.1.2.9, Probe type: icmp-ping
    Test size: 5 probes
    Results over current test:
      Probes sent: 5, Probes received: 0, Loss percentage: 100
    Results over all tests:
      Probes sent: 5, Probes received: 5, Loss percentage: 0
""",
    )
    first, second = told.lists["tests"]
    assert (first["name"], first["rtt_ms"], first["loss_ratio"], first["state"]) == ("line7 far-end", 0.8, 0.2, "ok")
    assert (second["name"], second["rtt_ms"], second["destination"]) == ("line8 far-end", None, "10.1.2.9")
    assert [(s.component, s.condition, s.state) for s in told.seen] == [
        ("ping line7 far-end", Condition.LOSS, State.OK),
        ("ping line8 far-end", Condition.LOSS, State.BAD),
    ]


def test_a_test_by_nqa_of_comware_without_any_response_has_failed() -> None:
    told = read(
        "h3c_comware",
        "display nqa result",
        """NQA entry (admin noc, tag one) test results:
    Send operation times: 10             Receive response times: 9
    Min/Max/Average round trip time: 1/9/3
    Square-Sum of round trip time: 90
    Last packet received time: 2024-02-12 09:00:00.0
  Extended results:
    Packet loss ratio: 10%
    Failures due to timeout: 1
NQA entry (admin noc, tag two) test results:
    Send operation times: 10             Receive response times: 0
    Min/Max/Average round trip time: 0/0/0
  Extended results:
    Packet loss ratio: 100%
""",
    )
    assert [(row["name"], row["state"], row["rtt_ms"], row["loss_ratio"]) for row in told.lists["tests"]] == [
        ("noc one", "ok", 3, 0.1),
        ("noc two", "failed", None, 1.0),
    ]
    assert [(s.component, s.state) for s in told.seen] == [("nqa noc one", State.OK), ("nqa noc two", State.BAD)]


def test_a_test_by_ip_sla_that_is_not_active_is_unknown() -> None:
    told = read(
        "cisco_ios",
        "show ip sla summary",
        """IPSLAs Latest Operation Summary
Codes: * active, ^ inactive, ~ pending

ID           Type        Destination       Stats       Return      Last
                                           (ms)        Code        Run
-----------------------------------------------------------------------
*7           icmp-echo   10.1.1.9          RTT=4       OK          9 seconds ago
*8           udp-jitter  10.1.2.9          -           Timeout     1 minute, 2 seconds ago
*9           icmp-echo   10.1.4.9          -           No connection  1 minute ago
^10          icmp-echo   10.1.3.9          RTT=1       OK          5 weeks ago
""",
    )
    assert [(row["name"], row["state"], row["rtt_ms"]) for row in told.lists["tests"]] == [
        ("7", "ok", 4), ("8", "timeout", None), ("9", "notConnected", None), ("10", "unknown", 1),
    ]  # fmt: skip
    assert told.seen == []


def test_active_alarms_of_ios_xr_name_supplies_and_ports_without_light() -> None:
    told = read(
        "cisco_xr",
        "show alarms brief system active",
        """Mon Feb 12 09:00:00.123 CST

------------------------------------------------------------------------------------
Active Alarms
------------------------------------------------------------------------------------
Location        Severity     Group            Set Time                   Description
------------------------------------------------------------------------------------
0/PM1           Major        Environ          02/12/2024 08:11:26 CST    Power Module Error (PM_NO_INPUT_DETECTED).
Hu0/0/0/7       Critical     Ethernet         02/12/2024 08:30:03 CST    hw_optics: RX LOS LANE-0 ALARM
0/0/CPU0        Critical     Ethernet         02/12/2024 08:30:03 CST    Optics0/0/0/9 - hw_optics: RX LOS LANE-0 ALARM
""",
    )
    assert [row["severity"] for row in told.lists["alarms"]] == ["major", "critical", "critical"]
    assert [(s.component, s.condition, s.state) for s in told.seen] == [
        ("0/PM1", Condition.SUPPLY, State.BAD),
        ("Hu0/0/0/7", Condition.LOS, State.BAD),
    ]


def test_facility_alarms_of_ios_xe_name_the_supply_and_leave_links_to_snmp() -> None:
    told = read(
        "cisco_ios",
        "show facility-alarm status",
        """System Totals  Critical: 2  Major: 0  Minor: 0

Source                     Time                   Severity      Description [Index]
------                     ------                 --------      -------------------
Power Supply Bay 1         Feb 12 2024 08:18:47   CRITICAL      Power Supply/FAN Module Missing [0]
GigabitEthernet0/0/3       Feb 12 2024 08:19:56   CRITICAL      Physical Port Link Down [1]
""",
    )
    assert [row["text"] for row in told.lists["alarms"]] == [
        "Power Supply/FAN Module Missing",
        "Physical Port Link Down",
    ]
    assert [(s.component, s.condition) for s in told.seen] == [("Power Supply Bay 1", Condition.SUPPLY)]
