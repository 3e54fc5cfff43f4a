"""More people at once than a provider lets us write to in 24 hours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from config.problems import Problem
from jobs.quotas import allowed
from scheduler.outlook.scene import Scene
from scheduler.outlook.volume import Flow


def findings(scene: Scene, found: Iterable[Flow], quotas: Mapping[str, int | None], variables: Mapping[str, str]) -> Iterator[Problem]:
    """A warning for each campaign with an occurrence that one day's people do not suffice for. quotas, and what sets them, by channel."""
    people: Counter[tuple[str, str, str]] = Counter()
    for flow in found:
        people[flow.campaign, flow.channel, str(flow.occurrence.at)] += flow.messages
    worst: dict[tuple[str, str], int] = {}
    for (campaign, channel, _), n in people.items():
        worst[campaign, channel] = max(n, worst.get((campaign, channel), 0))
    for (campaign, channel), n in sorted(worst.items()):
        limit = quotas.get(channel)
        if limit is None:
            continue
        offer = scene.config.rules.categories[scene.config.campaigns[campaign].category].offer
        places = allowed(limit, offer=offer)
        if n > places:
            kept = ", a tenth of it kept for what is no offer" if offer else ""
            message = (
                f"{n:,} customers by {channel}, and {variables[channel]} allows {limit:,} different people in 24 hours{kept}: it takes "
                f"{-(-n // places)} days, and what expires before is never sent; a smaller audience, a longer `expires`, a higher tier"
            )
            yield scene.pointer.campaign(campaign, ("audience",), message).as_warning()
