"""Talks to equipment; the only place that knows protocols and makes."""
