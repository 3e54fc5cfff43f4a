"""What happens next to a message that has not gone yet, as a sentence. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from console.cli.reasons import Explanation, explain_end
from console.cli.teller import WAITING, Teller
from jobs.outlook import Forecast
from rules.arbitration import rank
from rules.facts import Defer, Release, Suppress
from store.timeline import Message


def prospect(message: Message, teller: Teller) -> Explanation | None:
    """None: nothing more happens by itself."""
    if message.status in ("released", "sending"):
        return Explanation("on its way: it leaves within seconds, as fast as the provider allows")
    carrier = teller.others.get(message.carrier_id or 0)
    if carrier and carrier.status in (*WAITING, "released", "sending"):
        return Explanation(f"goes inside {teller.other(carrier.id)}, when that goes")
    if follow := _follow(message, teller):
        return follow
    if message.channel == "popup" and message.status == "sent" and message.expires_at > teller.now:
        return Explanation(f"shown when the app is opened, one pop-up at a time; worthless after {teller.time(message.expires_at)}")
    if message.status not in WAITING:
        return None
    if stop := teller.stop(message):
        why = f" ({stop.reason})" if stop.reason else ""
        return Explanation(f"stopped by {stop.set_by} since {teller.time(stop.set_at)}{why}; goes on after `kabar resume`")
    if message.expires_at <= teller.now:
        return Explanation("it will be dropped: it is worthless by now")
    if teller.unapproved(message):
        place = teller.config.where("category", message.category) if teller.config else ""
        return Explanation(f"waits for its content to be approved: `kabar approve {message.campaign} --by NAME`", place)
    forecast = teller.forecasts.get(message.id)
    return _outlook(message, forecast, teller) if forecast else None


def _follow(message: Message, teller: Teller) -> Explanation | None:
    """What is to follow a message that went and has no answer yet."""
    then = message.escalation
    if not (message.escalates and then and message.sent_at and message.status in ("sent", "delivered", "read", "unknown")):
        return None
    at = message.sent_at + timedelta(seconds=float(then["after"]))
    if message.channel == then["channel"] or at >= message.expires_at or _has(message, then["unless"]):
        return None
    text = f"{then['channel']} follows {teller.time(at)}, unless it was {then['unless']} by then"
    return Explanation(text, teller.where("then", message))


def _has(message: Message, unless: str) -> bool:
    """An answer, as far as the message itself shows it."""
    clicked = any(echo.kind in ("clicked", "replied", "opted_out", "complained") for echo in message.echoes)
    read = message.read_at is not None and unless != "clicked"
    return clicked or read or (message.delivered_at is not None and unless == "delivered")


def _outlook(message: Message, forecast: Forecast, teller: Teller) -> Explanation:
    verdict = forecast.verdict
    if isinstance(verdict, Suppress):
        reason = explain_end(teller.explain(message, str(verdict.reason)), str(verdict.reason))
        return replace(reason, text=f"as things stand it will not go: {reason.text}")
    if isinstance(verdict, Defer):
        reason = teller.explain(message, str(verdict.reason))
        return replace(reason, text=f"as things stand it goes {teller.time(verdict.until)} at the earliest: {reason.text}")
    unless = f"unless {_rival(message, forecast, teller)}; worthless after {teller.time(message.expires_at)}"
    if forecast.waits is None and forecast.at <= teller.now:
        return Explanation(f"goes as soon as the channel has room, {unless}")
    return Explanation(f"goes at the next opening, {teller.time(forecast.at)}, {unless}")


def _rival(message: Message, forecast: Forecast, teller: Teller) -> str:
    """The most important of what ranks before the message and could go to the same person by the end of that day."""
    day = forecast.at.astimezone(teller.zone).date()
    before = [
        other.candidate
        for other in teller.forecasts.values()
        if other.candidate.run_id != message.run_id
        and rank(other.candidate) < rank(forecast.candidate)
        and (goes := _goes_at(other)) is not None
        and goes.astimezone(teller.zone).date() <= day
        and not _held(teller.others[other.candidate.id], teller)
    ]
    if not before:
        return "a more important message takes its place"
    return f"{teller.other(min(before, key=rank).id)}, which goes first, takes its place"


def _goes_at(forecast: Forecast) -> datetime | None:
    match forecast.verdict:
        case Release():
            return forecast.at
        case Defer(until):
            return until
    return None


def _held(message: Message, teller: Teller) -> bool:
    return teller.stop(message) is not None or teller.unapproved(message)
