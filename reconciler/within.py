"""Whether a path stays in a folder, wherever its links lead."""

from __future__ import annotations

import os
from pathlib import Path


def within(path: Path, folder: Path) -> bool:
    """Whether what a path means is in the folder. A link to itself is where it stands; what no file
    system can name is nowhere."""
    try:
        # `Path.resolve` raises RuntimeError where links lead in a circle.
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))
    except (OSError, ValueError):
        return False
