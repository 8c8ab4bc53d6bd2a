"""A metro network of real routers on one machine, for NetWatch to watch.

`Lab` builds it and breaks it; `plan` says what it looks like; `books` writes down what a
carrier would know of it; `noc` runs NetWatch in its monitoring room.
"""

from metro.lab import Lab, UnavailableError, check

__all__ = ["Lab", "UnavailableError", "check"]
