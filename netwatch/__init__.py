"""NetWatch: from alarms to contract clocks for leased lines."""

__version__ = "0.1.0"
