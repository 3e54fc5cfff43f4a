"""How long a caller may take, and how many there may be at once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds. head: until the headers of a request are there, from the connection's or their own first byte. idle: between two
    requests. body: until all of it is there. connections: of one process, streams of apps (5,000 at most) among them; more are
    closed as they come.
    """

    head: float = 10
    idle: int = 5
    body: float = 30
    connections: int = 6000
