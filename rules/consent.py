"""Consent to offers: whether on a channel, and at which hours (POJK 6/2022 article 25).

Only categories with `offer: true` are asked. Reminders and service messages are part of the contract: they go to people who
opted out of marketing, at any hour their window allows.
"""

from __future__ import annotations

from config.values import OpenHours
from rules.facts import Code, Person, Policy, Reason


def refusal(channel: str, person: Person) -> Reason | None:
    """Why an offer may not go by a channel; no record is no consent."""
    if channel in person.opted_out:
        return Reason(Code.OPTED_OUT, channel)
    consent = person.consents.get(channel)
    return None if consent and consent.marketing else Reason(Code.NO_CONSENT, channel)


def offer_hours(channel: str, person: Person, policy: Policy) -> tuple[OpenHours, ...]:
    """Hours in any of which an offer may come: the lawful and the consented ones; empty when the law does not bind the channel."""
    if channel not in policy.personal:
        return ()
    lawful = policy.rules.offers_without_hours_consent
    consent = person.consents.get(channel)
    return (lawful, consent.hours) if consent and consent.hours else (lawful,)
