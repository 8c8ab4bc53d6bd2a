"""The pure heart: facts and `now` in, decisions with their reasons out.

Nothing in here reads a clock, a file, a socket or a log. Whatever the core knows of time
it was told; so a night of outages replays in milliseconds, and the same facts give the
same outcome on any machine.
"""
