"""`netwatch check`. (Being written.)"""

from __future__ import annotations

import click

command = click.Command("check")
