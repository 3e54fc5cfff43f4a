"""/metrics: Prometheus text (https://prometheus.io/docs/instrumenting/exposition_formats/)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from fastapi import APIRouter, Response

from console.http.access import Now, TheHouse, TheWeb
from console.http.guards import Key, behind
from console.http.health import ages
from jobs.api_keys import KeyScope
from scheduler.reload import FAULT
from scheduler.troubles import CODES, troubles
from store import gauges, limits, quota, set_aside, ticks, unheard
from store.gauges import Count
from store.limits import Limit
from store.quota import Quota

router = APIRouter(route_class=behind(Key(KeyScope.METRICS)))

RECENT = timedelta(days=1)
BREAKER = ("closed", "open", "half_open")
WAITING = ("queued", "deferred")

Sample = tuple[Mapping[str, str], float]


@router.get("/metrics", include_in_schema=False)
async def metrics(web: TheWeb, house: TheHouse, now: Now) -> Response:
    async with house.database.begin() as connection:
        counts = await gauges.messages(connection, now - RECENT)
        seen = ages(await ticks.every(connection), now)
        accounts = await limits.every(connection)
        people = await quota.every(connection, now)
        strangers = await unheard.total(connection)
        fault = await ticks.fact(connection, FAULT) is not None
        wrong = {trouble.code for trouble in await troubles(connection, now)}
        aside = await set_aside.counts(connection)
    lines = [*_messages(counts), *_accounts(accounts, now), *_people(people)]
    lines += _gauge(
        "kabar_tick_age_seconds", "Since the tick last succeeded.", [({"tick": name}, age) for name, age in seen.items() if age is not None]
    )
    lines += _gauge(
        "kabar_unknown_receipts",
        "Receipts that named a message nobody knew, ever.",
        [({"source": name}, n) for name, n in strangers.items()],
    )
    lines += _gauge("kabar_config_fault", "1 while the configuration on disk is refused.", [({}, float(fault))])
    lines += _gauge("kabar_trouble", "1 while something is wrong; /readyz says what.", [({"code": code}, code in wrong) for code in CODES])
    lines += _gauge("kabar_set_aside", "What could not be worked on.", [({"kind": kind}, n) for kind, n in aside.items()])
    lines += _gauge("kabar_popup_streams", "Open streams of apps on this web process.", [({}, float(len(web.streams)))])
    return Response("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4; charset=utf-8")


def _messages(counts: Iterable[Count]) -> Iterator[str]:
    reservoir: Counter[str] = Counter()
    samples: list[Sample] = []
    for count in counts:
        samples.append(({"channel": count.channel, "status": count.status}, count.messages))
        reservoir[count.channel] += count.messages if count.status in WAITING else 0
    yield from _gauge("kabar_messages", "Messages of runs that are open or ended within a day.", samples)
    yield from _gauge(
        "kabar_reservoir_messages", "Messages waiting to be decided on.", [({"channel": name}, n) for name, n in reservoir.items()]
    )


def _accounts(accounts: Iterable[Limit], now: datetime) -> Iterator[str]:
    named = [({"account": item.account, "channel": item.channel}, item) for item in accounts]
    held = [(labels, max((item.open_until - now).total_seconds(), 0.0) if item.open_until else 0.0) for labels, item in named]
    behind = [(labels, max((item.next_free_at - now).total_seconds(), 0.0)) for labels, item in named]
    yield from _gauge("kabar_account_rate", "Messages a second the account may send.", [(labels, item.rate) for labels, item in named])
    yield from _gauge("kabar_account_held_seconds", "Until the account may send again (breaker or slow down).", held)
    yield from _gauge("kabar_account_lead_seconds", "Work leased ahead on the account.", behind)
    shares = [(labels, item.share) for labels, item in named]
    yield from _gauge("kabar_account_share", "Of the channel, relative to its other accounts.", shares)
    states = [({**labels, "state": state}, float(item.breaker == state)) for labels, item in named for state in BREAKER]
    yield from _gauge("kabar_account_breaker", "1 for the state its circuit breaker is in.", states)
    stopped = [(labels, float(item.stopped_at is not None)) for labels, item in named]
    yield from _gauge("kabar_account_stopped", "1 until somebody resumes it.", stopped)
    slow = [(labels, item.latency) for labels, item in named if item.latency is not None]
    yield from _gauge("kabar_account_latency_seconds", "Until an answer, moving average.", slow)
    yield from _gauge("kabar_account_failures", "Failures in a row.", [(labels, item.failures) for labels, item in named])


def _people(quotas: Iterable[Quota]) -> Iterator[str]:
    found = [({"channel": item.channel}, item) for item in quotas]
    yield from _gauge("kabar_people_reached", "Different people written to in 24 hours.", [(labels, item.used) for labels, item in found])
    limited = [(labels, item.people) for labels, item in found if item.people is not None]
    yield from _gauge("kabar_people_allowed", "Different people the provider allows in 24 hours.", limited)


def _gauge(name: str, words: str, samples: Iterable[Sample]) -> Iterator[str]:
    yield f"# HELP {name} {words}"
    yield f"# TYPE {name} gauge"
    for labels, value in samples:
        inside = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        yield f"{name}{{{inside}}} {value:g}" if inside else f"{name} {value:g}"


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
