"""up, web: processes of the daemon that answer over HTTP."""

from __future__ import annotations

from config.settings import Settings
from console.cli.guard import run
from console.cli.run import Part, good_config, read_settings, together
from console.http.serve import bind, serve
from console.mail.serve import configured_doors, keep_open
from jobs import recognise
from scheduler.bootstrap import open_house, publish
from scheduler.daemon import run_scheduler, run_worker, stop_on_signals
from scheduler.reload import SCHEDULER
from scheduler.watch import send_heartbeats, tell_manager


def up() -> None:
    """Everything in one process: scheduler, worker and web; with the embedded database when KABAR_DATABASE_URL is not set."""
    run(_up(read_settings()))


def web() -> None:
    """Take in customer events and receipts, serve pop-ups, health and metrics."""
    run(_web(read_settings()))


async def _up(settings: Settings) -> None:
    config = good_config(settings)
    stop = stop_on_signals()
    # The port first: when it is taken nothing has begun that would have to end again.
    with bind(settings.http) as listening, configured_doors() as found:
        async with open_house(settings, migrate=True, send=True) as house:
            await recognise.start(house)
            await publish(house, config, by=SCHEDULER)
            parts: dict[str, Part] = {"bounces": keep_open(house, found, stop)} if found else {}
            await together(
                stop,
                watch=tell_manager(house, stop),
                heartbeat=send_heartbeats(house, stop),
                scheduler=run_scheduler(house, settings.config_dir, stop),
                worker=run_worker(house, stop),
                web=serve(house, stop, listening=listening),
                **parts,
            )


async def _web(settings: Settings) -> None:
    stop = stop_on_signals()
    with bind(settings.http) as listening:
        async with open_house(settings) as house:
            await recognise.start(house)
            await together(stop, watch=tell_manager(house, stop), web=serve(house, stop, listening=listening))
