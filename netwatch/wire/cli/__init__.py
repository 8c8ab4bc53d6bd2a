"""Command lines: how a box is logged in to, what it may be asked, and how its answers are read."""
