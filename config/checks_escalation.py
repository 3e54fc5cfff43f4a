"""`then`: does what it waits for ever come, and in time?"""

from __future__ import annotations

from config.draft import Draft, Part
from config.models import Campaign
from config.values import format_duration


def check_escalation(draft: Draft, part: Part[Campaign]) -> None:
    """Add to the draft's problems what makes a follow-up senseless. For a campaign whose channels are known."""
    channels, source = part.value.channels, part.source
    then = channels.then
    if then is None:
        return
    if then.after >= part.value.expires:
        message = (
            f"the message is worthless after {format_duration(part.value.expires)} (expires), "
            f"so nothing follows it after {format_duration(then.after)}; shorten `after`"
        )
        draft.problems.append(source.problem(("channels", "then", "after"), message))
    for name in channels.first:
        told = draft.channels[name]
        if then.unless not in told:
            way_out = f"write {' or '.join(sorted(told))}" if told else "nothing is ever told of it, so nothing can follow it"
            message = f"nobody tells whether a message by {name} was {then.unless}; {way_out}"
            draft.problems.append(source.problem(("channels", "then", "unless"), message))
