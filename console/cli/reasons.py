"""Why a message waited, was dropped or failed, in plain English, with the line of the configuration that said so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from config.loader import Config
from config.values import Calendar, format_duration


@dataclass(frozen=True, slots=True)
class Sentence:
    """text: `{detail}`, `{nested}`, `{other}`, `{gap}`, `{same_topic}`, `{cap}`, `{category}` are filled in.

    `{by}` is the channel a detail begins with, and `{nested}` the reason behind that one then
    place: which line is to be shown, as Config.where takes it; `{detail}`, `{category}` and `{campaign}` are filled in
    """

    text: str
    place: tuple[str, str] | None = None


_PERSON = "the person's own contact hours"
REASONS: dict[str, Sentence] = {
    "no_consent": Sentence("no marketing consent for {detail}", ("category", "{category}")),
    "opted_out": Sentence("the person opted out of offers{by_detail}", ("category", "{category}")),
    "no_hours_consent": Sentence(
        "outside the lawful hours for offers, and no consent to other hours on {detail}", ("offers_without_hours_consent", "")
    ),
    "no_address": Sentence("no address that works{for_detail}"),
    "expired": Sentence("it was worthless by then", ("expires", "{campaign}")),
    "expired:queue_for": Sentence("it had waited as long as its campaign lets it (queue_for)", ("queue_for", "{campaign}")),
    "expired_unseen": Sentence(
        "its window did not open before it was worthless, or it was held back until then", ("expires", "{campaign}")
    ),
    "expired_released": Sentence("it was released, but worthless before it could leave", ("expires", "{campaign}")),
    "expired_after": Sentence("it was worthless by then; what it waited for last: {nested}", ("expires", "{campaign}")),
    "no_window": Sentence("its delivery window ({detail}) never opens for this person", ("window", "{detail}")),
    "no_window:": Sentence("no delivery window is set for any segment of this person"),
    "no_window:contact_hours": Sentence(f"its delivery window and {_PERSON} never meet"),
    "outside_window": Sentence("outside the window {detail}", ("window", "{detail}")),
    "outside_window:contact_hours": Sentence(f"outside {_PERSON}"),
    "same_topic": Sentence("less than {same_topic} after {other}, which is on the same topic", ("same_topic", "")),
    "gap": Sentence("less than {gap} after {other}", ("gap", "")),
    "cap": Sentence("no more than {cap}", ("cap", "{detail}")),
    "pending_higher_priority": Sentence("{other} is more important and goes first", ("category", "{category}")),
    "quota": Sentence("as many people as the provider allows have been written to on {detail} in 24 hours; it waits for a place"),
    "held": Sentence("the provider asks to leave this person alone on the channel for now ({detail})"),
    "held:spacing": Sentence("another message to this person went by the same channel a few seconds before"),
    "retry": Sentence("the provider could not take it ({detail}), and is asked again then"),
    "tries_used_up": Sentence("tried as often as is allowed; the provider's last word: {detail}"),
    "too_late_to_retry": Sentence("the next try would have been too late; the provider's last word: {detail}", ("expires", "{campaign}")),
    "lease_lapsed": Sentence("the worker that was sending it stopped half-way, so it may or may not have gone out"),
    "slow_down": Sentence("the provider asked for a pause"),
    "worker_stopped": Sentence("the worker that had it in hand was stopped before it was sent"),
    "slow_domain": Sentence("the mail servers of {detail} asked for less, so mail to them waits"),
    "render_error": Sentence("the text could not be filled in for this person", ("campaign", "{campaign}")),
    "confirmed_by_receipt": Sentence("a receipt of the provider says that it did go out"),
    "confirmed_after_failure": Sentence("a receipt of the provider says that it did go out, after it had counted as failed"),
    "adapter_error": Sentence("a fault on our side while sending, so it may or may not have gone out"),
    "control_group": Sentence("in the control group: gets nothing on purpose", ("control", "{campaign}")),
    "digest": Sentence("carried by {other}", ("category", "{category}")),
    "not_carried": Sentence("the message that was to carry it did not go, or could not take it along: {other}"),
    "moved_on": Sentence("{by} did not reach the person ({nested})", ("channels", "{campaign}")),
    "answered": Sentence("{other} was answered in the meantime", ("then", "{campaign}")),
    "campaign_removed": Sentence("its campaign was taken out of the configuration"),
    "replayed": Sentence("put back into the queue by an operator"),
    "resolved_sent": Sentence("an operator said that it did go out"),
    "resolved_failed": Sentence("an operator said that it did not go out"),
    "restored": Sentence("it waited when a dump was made that was restored later, so it may have gone out in between"),
    "in_doubt": Sentence("an attempt may have reached the person; it ended as: {nested}"),
    "bounce": Sentence("the mail came back ({detail})"),
    "paused": Sentence("the campaign or channel is stopped"),
}

# What a message waits out, and is dropped for only when that takes too long.
PASSING = frozenset({"no_hours_consent", "outside_window", "same_topic", "gap", "cap", "pending_higher_priority"})


@dataclass(frozen=True, slots=True)
class Explanation:
    """where: `config/rules.yaml:14`, empty when no line says so."""

    text: str
    where: str = ""


Other = Callable[[int], str]  # message id → what that message was


def explain(reason: str, *, category: str, campaign: str, config: Config | None, other: Other) -> Explanation:
    """A reason as the database keeps it, `code` or `code:detail`. One that is not in the table is shown as it is."""
    code, colon, detail = reason.partition(":")
    sentence = REASONS.get(reason if detail else f"{code}:") or REASONS.get(code)
    if sentence is None:
        return Explanation(reason)
    overlap = config.rules.overlap if config else None
    by, _, behind = detail.partition(":")
    inner = behind if "{by}" in sentence.text else detail
    nested = explain(inner, category=category, campaign=campaign, config=config, other=other) if "{nested}" in sentence.text else None
    text = sentence.text.format(
        detail=detail,
        by_detail=f" on {detail}" if colon else "",
        for_detail=f" for {detail}" if colon else "",
        nested=nested.text if nested else "",
        by=by,
        other=other(int(detail)) if detail.isdigit() else detail or "another message",
        cap=_cap(detail, config),
        category=category,
        gap=format_duration(overlap.gap) if overlap else "the gap",
        same_topic=format_duration(overlap.same_topic) if overlap else "the distance set",
    )
    place = (nested.where if nested else "") or _where(sentence, config, detail, category, campaign)
    return Explanation(text, place)


def explain_end(found: Explanation, reason: str) -> Explanation:
    """The same where the message is dropped for it: what would pass by itself is named as passing too late."""
    if reason.partition(":")[0] not in PASSING:
        return found
    return replace(found, text=f"{found.text}; the next opening after that is too late")


def _cap(name: str, config: Config | None) -> str:
    """`1 message by push a day (the cap push:1/day)`; the name alone where the rules have no such cap any more."""
    cap = next((cap for cap in config.rules.overlap.caps if cap.name == name), None) if config else None
    if cap is None:
        return f"the cap {name} allows"
    by, of = f" by {cap.channel}" if cap.channel else "", f" of {cap.category}" if cap.category else ""
    per = f"a {cap.per}" if isinstance(cap.per, Calendar) else f"in {format_duration(cap.per)}"
    return f"{cap.max} message{'' if cap.max == 1 else 's'}{of}{by} {per} (the cap {name})"


def _where(sentence: Sentence, config: Config | None, detail: str, category: str, campaign: str) -> str:
    if sentence.place is None or config is None:
        return ""
    kind, key = sentence.place
    if kind == "cap":
        names = [cap.name for cap in config.rules.overlap.caps]
        return config.where("cap", names.index(detail)) if detail in names else ""
    found = config.where(kind, key.format(detail=detail, category=category, campaign=campaign))
    return found or (config.where("campaign", campaign) if key == "{campaign}" else "")
