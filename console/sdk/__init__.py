"""The JavaScript that shows pop-ups in an app: kabar-popup.js, shipped as it stands there."""

from __future__ import annotations

from pathlib import Path

SOURCE = Path(__file__).with_name("kabar-popup.js")
