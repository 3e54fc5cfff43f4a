"""What a dead letter died of, in plain words, and what to do: by its channel's error table, or our own words for our own codes."""

from __future__ import annotations

from dataclasses import dataclass

from channels.base import Outcome, Rejected, Retry
from channels.registry import CHANNELS
from channels.signals import HoldPerson, SlowDown, StopCampaign, StopChannel

_NETWORK = "mend the network, then replay"
_DOUBT = "ask the provider, then `kabar resolve`"
_TEXT = "correct the text or the customer's data; the next run has it right"


@dataclass(frozen=True, slots=True)
class Cause:
    """todo: what an operator can do about it."""

    text: str
    todo: str


# Codes that are ours and no provider's.
OWN: dict[str, Cause] = {
    "": Cause("the provider gave no reason", "ask the provider with the message's time and provider id"),
    "no_address": Cause("the person had no address that works", "bring the address with a customer file, then replay"),
    "render_error": Cause("the text could not be filled in for this person", f"{_TEXT}, or replay after the data was corrected"),
    "lease_lapsed": Cause("the worker that was sending it stopped half-way", _DOUBT),
    "adapter_error": Cause("a fault on our side while sending", f"look for message.adapter_raised in the log; {_DOUBT}"),
    "restored": Cause("it waited when the restored dump was made, and may have gone since", _DOUBT),
    "resolved_failed": Cause("an operator said that it did not go out", "replay if it is still wanted"),
    "timeout": Cause("the provider did not answer in time", _NETWORK),
    "connect": Cause("no connection to the provider came about", _NETWORK),
    "connection_lost": Cause("the connection to the provider broke", _NETWORK),
    "dns": Cause("the provider's name could not be looked up", "mend the name service or the host's name in the settings, then replay"),
    "tls": Cause("no secure connection to the provider came about", "look at both sides' TLS, then replay"),
    "tls_certificate": Cause("the provider's certificate does not hold", "have the certificate renewed, then replay"),
    "endpoint": Cause("the address of the provider in the settings is no URL", "correct the settings, restart the workers, then replay"),
    "setup": Cause("the mail server and our settings do not fit together", "correct KABAR_EMAIL__*, resume the channel, then replay"),
    "garbled_answer": Cause("the provider's answer could not be read", "look for a proxy in between, then replay"),
    "garbled_reply": Cause("what answers is no mail server", "correct KABAR_EMAIL__HOST and its port, then replay"),
    "unreadable_answer": Cause("the provider said yes without an id", _DOUBT),
    "UNREADABLE_ANSWER": Cause("the provider said yes without an id", "look for a proxy in between, then replay"),
    "inbox_unavailable": Cause("the database did not take the pop-up", "replay"),
    "parameter_empty": Cause("a parameter of the approved text was empty for this person", _TEXT),
    "parameters_too_long": Cause("the filled-in text was longer than WhatsApp takes", _TEXT),
    "PAYLOAD_TOO_LARGE": Cause("the notification was larger than Firebase takes", _TEXT),
    "TOKEN_REFUSED": Cause("Google refused our service account", "correct the credentials, resume the channel, then replay"),
    "TOKEN_UNAVAILABLE": Cause("Google gave out no access token", _NETWORK),
    "address_syntax": Cause("the address is none that mail can be written to", "correct it in the customer file, then replay"),
    "unsubscribe_link": Cause("the mail had no unsubscribe link that mail programs take", "correct KABAR_HTTP__PUBLIC_URL, then replay"),
}
# The last word of `bounce:5.1.1:user_unknown`: mail that came back.
BOUNCES: dict[str, str] = {
    "authentication": "SPF, DKIM or DMARC of our mail did not hold",
    "content": "something in the mail was refused",
    "disabled": "the mailbox is disabled",
    "expired": "the receiving server could not be reached for days",
    "host_unknown": "the domain takes no mail",
    "loop": "the mail went round in circles at the receiver",
    "mailbox_full": "the mailbox is full",
    "moved": "the person has another address now",
    "network": "the receiving server could not be reached",
    "policy": "the receiver's rules refuse our mail",
    "rate": "the receiver wants less mail from us",
    "recipient_filter": "the person's own filter refuses it",
    "recipient_rejected": "the receiver refuses mail to this person",
    "refused": "the receiver refused it without saying why",
    "relay": "the receiving server does not serve this domain",
    "sender": "the receiver refuses us as sender",
    "spam": "it was taken for spam",
    "syntax": "the receiver did not understand our mail server",
    "system": "the receiving server has a fault",
    "temporary": "the receiver could not take it for a while",
    "too_large": "the mail is too large for the receiver",
    "unclear": "the report does not say why",
    "user_unknown": "there is no such mailbox",
}
_ABOUT_US = frozenset({"authentication", "content", "policy", "rate", "sender", "spam"})


def cause(channel: str, code: str) -> Cause:
    """code: without `tries_used_up:` and its like. One that no table knows is told as the provider's own."""
    if code in OWN:
        return OWN[code]
    if code.startswith("bounce:"):
        return _bounced(code.rpartition(":")[2])
    outcome = CHANNELS[channel].means(code) if channel in CHANNELS else None
    return _told(code, outcome) if outcome else _unknown(code)


def _bounced(reason: str) -> Cause:
    todo = "look at DNS, DKIM and reputation before any replay" if reason in _ABOUT_US else "correct the address in the customer file"
    return Cause(f"the mail came back: {BOUNCES.get(reason, reason)}", todo)


def _told(code: str, outcome: Outcome) -> Cause:
    match outcome:
        case Rejected(opted_out=True):
            return Cause(f"the person said no at the provider ({code})", "nothing; no offers go there any more")
        case Rejected(drop_address=True):
            return Cause(f"the address is dead ({code})", "bring a new address with a customer file, then replay")
        case Rejected(unreachable=True):
            return Cause(f"the person is not there on this channel ({code})", "nothing by this channel; name a second one in `first:`")
        case Rejected(signal=StopCampaign()):
            return Cause(f"the provider refuses the text, for everybody ({code})", "correct the template, resume the campaign, then replay")
        case Rejected():
            return Cause(f"the provider refused this message for good ({code})", "look the code up at the provider before any replay")
        case Retry(signal=StopChannel()):
            return Cause(f"the provider refused our account ({code})", "mend the account, resume the channel, then replay")
        case Retry(signal=HoldPerson()):
            return Cause(f"the provider wanted this person left alone for a while ({code})", "replay once that has passed")
        case Retry(signal=SlowDown()):
            return Cause(f"the provider asked for less, for too long ({code})", "lower the rate or wait, then replay")
        case Retry():
            return Cause(f"the provider could not take it, for too long ({code})", "replay once the provider works again")
        case _:
            return Cause(f"the provider gave no clear answer ({code})", _DOUBT)


def _unknown(code: str) -> Cause:
    status = code.lower().removeprefix("http_")
    if status != code.lower() and status.isdigit():
        return Cause(f"somebody between us and the provider answered, with HTTP {status}", "look for a proxy in between, then replay")
    return Cause(f"the provider's own word: {code}", "look the code up at the provider before any replay")
