"""Who watches from outside is fed only while this process does its work: systemd's watchdog, and a dead man's heartbeat by HTTP."""

from __future__ import annotations

import asyncio
import os

import aiohttp
import structlog

from jobs.house import House
from jobs.pause import pause
from scheduler.systemd import READY, STOPPING, WATCHDOG, Manager

log = structlog.get_logger()

LOOK = 5.0  # seconds between two looks at the parts of this process
DEADLINE = 10.0  # seconds for one heartbeat


async def tell_manager(house: House, stop: asyncio.Event, manager: Manager | None = None) -> None:
    """READY once every part works, WATCHDOG while none is stuck, STOPPING at the end.

    A part that fails for want of the database is not stuck: starting this process anew would not bring it back.
    """
    manager = manager or Manager(os.environ)
    ready, before = False, ""
    while manager.listens and not stop.is_set():
        if not ready and house.vitals.ready():
            ready = True
            manager.say(READY)
        stuck = house.vitals.stuck()
        late = house.vitals.late()
        said = f"STATUS=stuck: {', '.join(stuck)}" if stuck else f"STATUS=late: {', '.join(late)}" if late else "STATUS=at work"
        if said != before:
            manager.say(before := said)
        if stuck:
            log.error("watchdog.withheld", stuck=stuck)
        elif manager.seconds is not None:
            manager.say(WATCHDOG)
        await pause(stop, min(LOOK, manager.seconds or LOOK) if ready else 0.2)
    await stop.wait()
    manager.say(STOPPING)


async def send_heartbeats(house: House, stop: asyncio.Event) -> None:
    """KABAR_HEARTBEAT_URL is fetched while everything in this process is good; whoever misses it raises the alarm."""
    if house.settings.heartbeat_url is None:
        await stop.wait()
        return
    url, told = house.settings.heartbeat_url.get_secret_value(), True
    while not stop.is_set():
        late = house.vitals.late()
        if not late and house.vitals.ready():
            told = await _beat(url, told)
            await pause(stop, house.settings.heartbeat_seconds)
        else:
            if late:
                log.warning("heartbeat.withheld", late=late)
            await pause(stop, min(LOOK, house.settings.heartbeat_seconds))


async def _beat(url: str, before: bool) -> bool:
    """Whether it was taken. Its failure harms nothing, and is told when it is news."""
    try:
        timeout = aiohttp.ClientTimeout(total=DEADLINE)
        async with aiohttp.ClientSession(timeout=timeout) as client, client.get(url, allow_redirects=False) as answer:
            why = None if answer.status < 300 else f"HTTP {answer.status}"
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        why = type(error).__name__  # the words have the URL in them, which is a secret
    if why is not None:
        log.warning("heartbeat.failed", why=why)
    elif not before:
        log.info("heartbeat.taken_again")
    return why is None
