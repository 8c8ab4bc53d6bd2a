"""A simulated metro that speaks real SNMP, traps and ICMP on loopback, a story of faults, the truth beside it."""
