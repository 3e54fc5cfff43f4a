"""Campaigns that stand in their own way: what of their occurrences is lost to a topic, a gap or a cap they use up themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from config.models import Campaign
from config.problems import Problem
from rules.facts import Code, Reason
from scheduler.outlook.play import Fate, play
from scheduler.outlook.rules_of import rule
from scheduler.outlook.scene import Kind, Message, Scene, told

OTHERS = (Code.SAME_TOPIC, Code.GAP, Code.CAP, Code.PENDING_HIGHER_PRIORITY)


def findings(scene: Scene) -> Iterator[Problem]:
    """A warning for each rule by which a campaign loses messages to its own earlier ones."""
    for campaign in scene.config.campaigns.values():
        if repeats(scene, campaign):
            yield from _warned(scene, campaign)


def repeats(scene: Scene, campaign: Campaign) -> bool:
    """May one customer get it twice before the horizon, as far as dates tell? A birthday comes once a year."""
    return campaign.when.anniversary is None and len(scene.dated[campaign.campaign]) > 1


def alone(scene: Scene, campaign: Campaign, kind: Kind, *, agreed: bool = True) -> list[Fate]:
    """What becomes of a campaign's messages when there is no other campaign. agreed: to offers at any hour."""
    return play(scene, scene.customer(hours=agreed), coming(scene, campaign, kind))


def coming(scene: Scene, campaign: Campaign, kind: Kind) -> list[Message]:
    """Its messages to one customer, those of one occurrence with one run."""
    width = len(campaign.channels.names)
    dated = scene.dated[campaign.campaign]
    return [message for number, each in enumerate(dated) for message in scene.messages(campaign, each, kind, 1 + number * width)]


def lost(scene: Scene, campaign: Campaign) -> dict[str, Reason]:
    """Occurrence → the rule by which a campaign's own message before keeps it from some kind of customers for good."""
    found: dict[str, Reason] = {}
    if repeats(scene, campaign):
        for kind in scene.kinds[campaign.campaign]:
            for occurrence, _, reason in _by_its_own(alone(scene, campaign, kind)):
                found.setdefault(occurrence, reason)
    return found


def _by_its_own(fates: Sequence[Fate]) -> list[tuple[str, Fate, Reason]]:
    """Occurrence, fate and rule of what an earlier message keeps away. What stops the first one, too, is a cap of 0."""
    gone = [
        (fate.message.occurrence.key, fate, fate.reason) for fate in fates if fate.at is None and fate.reason and fate.reason.code in OTHERS
    ]
    always = {str(reason) for occurrence, _, reason in gone if occurrence == fates[0].message.occurrence.key}
    return [each for each in gone if str(each[2]) not in always]


def _warned(scene: Scene, campaign: Campaign) -> Iterator[Problem]:
    stopped: dict[str, dict[str, Fate]] = {}
    kinds: dict[str, list[Kind]] = {}
    for kind in scene.kinds[campaign.campaign]:
        for occurrence, fate, reason in _by_its_own(alone(scene, campaign, kind)):
            name = str(reason) if reason.code is Code.CAP else reason.code
            stopped.setdefault(name, {}).setdefault(occurrence, fate)
            kinds.setdefault(name, []).append(kind)
    total = len(scene.dated[campaign.campaign])
    for name, fates in stopped.items():
        first = next(iter(fates.values()))
        message = (
            f"{len(fates)} of its own {total} occurrences until {scene.last_day} come too soon after the one before and never go: "
            f"{rule(scene.config, first.reason)} stops them (the first: due {scene.say(first.message.occurrence.at)}, "
            f"{first.message.channel}, {told(kinds[name])}); let it come less often, or give it a longer `expires`"
        )
        yield scene.pointer.campaign(campaign.campaign, ("when",), message).as_warning()
