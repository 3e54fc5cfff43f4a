"""The HTTP face: events in, receipts in, pop-ups out, one-click unsubscribe, health."""

from __future__ import annotations

from console.http.app import make_web
from console.http.serve import serve

__all__ = ["make_web", "serve"]
