"""Who goes on: when nothing in the loop can move by itself, the seed picks one of those that wait, and what befalls it."""

from __future__ import annotations

import asyncio
import selectors
from collections import Counter
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from jobs.clock import VirtualClock

PROCESS: ContextVar[str | None] = ContextVar("process", default=None)
TASK: ContextVar[int] = ContextVar("task", default=0)
STEP = 0.001  # seconds of the clock that pass with a step, at most

Fault = Callable[["Waiting"], BaseException | None]


@dataclass(slots=True)
class Waiting:
    """A task of a process that goes on when it is its turn. at: not before."""

    number: int
    task: int
    process: str
    what: str
    turn: asyncio.Future[None]
    at: datetime


@dataclass
class Conductor:
    """One a seed. fault: what befalls a step instead of going on. blocked: how many statements wait for locks of others."""

    chance: Random
    clock: VirtualClock
    blocked: Callable[[], int]
    fault: Fault = lambda waiting: None
    parked: int = 0
    trace: list[str] = field(default_factory=list)
    flying: Counter[str] = field(default_factory=Counter)
    _waiting: list[Waiting] = field(default_factory=list)
    _numbers: int = 0
    _quiet: tuple[datetime, asyncio.Future[None]] | None = None

    @property
    def steps(self) -> int:
        return self._numbers

    def note(self, text: str) -> None:
        self.trace.append(f"{self.clock.now():%d %H:%M:%S.%f} {text}")

    async def step(self, what: str, until: datetime | None = None) -> None:
        """Waits for the turn of this task. Who belongs to no process is not kept."""
        process = PROCESS.get()
        if process is None:
            return
        self._numbers += 1
        mine = Waiting(self._numbers, TASK.get(), process, what, asyncio.get_running_loop().create_future(), until or self.clock.now())
        self._waiting.append(mine)
        await mine.turn

    async def quiet(self, until: datetime) -> None:
        """Until everybody sleeps and the clock has come so far."""
        self._quiet = until, asyncio.get_running_loop().create_future()
        await self._quiet[1]

    def busy(self, process: str) -> bool:
        """Whether a statement of it is at the database: nothing can be taken from it now."""
        return self.flying[process] > 0

    def kill(self, process: str) -> None:
        """As if it had never been: none of its tasks goes on."""
        self.note(f"{process} dies")
        for each in [each for each in self._waiting if each.process == process]:
            self._waiting.remove(each)
            each.turn.cancel()

    def go_on(self) -> bool:
        """False when nobody waits."""
        now = self.clock.now()
        # Two statements that were let go by one commit end in either order.
        ready = sorted((each for each in self._waiting if each.at <= now), key=lambda each: (each.task, each.number))
        if ready:
            self._wake(self.chance.choice(ready))
            return True
        if self._quiet is None:
            return self._pass(min((each.at for each in self._waiting), default=None))
        until, quiet = self._quiet
        if self._pass(min((each.at for each in self._waiting if each.at <= until), default=None)):
            return True
        self._quiet = None
        self.clock.advance_to(until)
        quiet.set_result(None)
        return True

    def _pass(self, at: datetime | None) -> bool:
        if at is None:
            return False
        self.clock.advance_to(at)
        return True

    def _wake(self, each: Waiting) -> None:
        self.clock.advance_to(self.clock.now() + timedelta(seconds=self.chance.random() * STEP))
        fault = self.fault(each)
        if isinstance(fault, Died):
            self.kill(each.process)
            return
        self._waiting.remove(each)
        if fault is None:
            self.note(f"{each.process} {each.what}")
            each.turn.set_result(None)
        else:
            self.note(f"{each.process} {each.what} !! {type(fault).__name__}: {fault}")
            each.turn.set_exception(fault)


class Died(Exception):
    """Of a step: the process ends here."""


class SimulatedClock(VirtualClock):
    """Who sleeps goes on when the time has come and it is its turn."""

    conductor: Conductor

    async def sleep(self, seconds: float) -> None:
        await self.conductor.step("wakes", self.now() + timedelta(seconds=max(seconds, 0)))


class Stage(selectors.DefaultSelector):
    """The loop's own selector: it knows when the loop would wait, and waits for the database only where that is at work."""

    conductor: Conductor | None = None
    deaf = 1  # the loop's own pipe

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        conductor = self.conductor
        if conductor is None or (timeout is not None and timeout <= 0):
            return super().select(timeout)
        while True:
            at_work = len(self.get_map()) - self.deaf
            if at_work > conductor.parked:
                found = super().select(0.01)
                if found:
                    return found
                conductor.parked = min(conductor.blocked(), at_work)
                if conductor.parked < at_work:
                    continue
            if conductor.go_on():
                return super().select(0)
            if not at_work:
                return super().select(timeout)
            conductor.parked = 0


async def as_process(name: str, task: int, work: Awaitable[None]) -> None:
    PROCESS.set(name)
    TASK.set(task)
    await work
