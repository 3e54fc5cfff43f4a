"""Files that hold keys or addresses."""

from __future__ import annotations

from pathlib import Path


def keep_private(file: Path) -> Path:
    """Makes the file, if need be, and its owner's alone, also when an older sandbox left it open to others. Returns it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.chmod(0o600)
    return file
