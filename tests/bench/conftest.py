"""The modules called worlds_… lie beside the tests and are shared by them; `bench/worlds.py` uses them, too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
