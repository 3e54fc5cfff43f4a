"""The promises that `python -m tests.chaos` tries, in the order of docs/reliability.md. A new one is a module and its line here."""

from __future__ import annotations

from tests.chaos import full, killed, outages, schedulers, soaked, stopped
from tests.chaos.promises import Promise

PROMISES: tuple[Promise, ...] = (killed.PROMISE, outages.PROMISE, schedulers.PROMISE, full.PROMISE, stopped.PROMISE, soaked.PROMISE)
