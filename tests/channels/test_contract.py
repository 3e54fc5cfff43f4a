"""One suite for every channel in the registry: what an adapter answers, whatever the provider and the network do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from channels.base import Adapter, Address, Content, Outcome, PopupItem, Ports, Rejected, Retry, Sent, Unknown
from channels.popup.settings import PopupSettings
from channels.registry import CHANNELS
from channels.sandbox.faults import Rule
from channels.sandbox.server import Sandbox
from channels.signals import HoldPerson, SlowDown, StopCampaign, StopChannel
from config.settings import ChannelSettings
from tests.channels import samples
from tests.channels.servers import Odd, Served, http_answer, http_server, smtp_server

MANY = 40
SHORT = 0.6  # seconds; enough for a busy machine to get as far as the fault


@dataclass(frozen=True)
class Case:
    """A fault of the sandbox and what must be answered to it."""

    kind: str
    outcome: type[Outcome]
    signal: type[object] | None = None
    drop: bool = False


@dataclass(frozen=True)
class Place:
    """Where a row's provider listens, and the files and credentials there are. email: more settings of a mail server."""

    port: int
    deadline: float
    directory: Path
    sandbox: Sandbox
    scheme: str = "http"
    host: str = "127.0.0.1"
    email: Mapping[str, object] = field(default_factory=dict)

    @property
    def base(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"


@dataclass(frozen=True)
class Row:
    """All that the suite has to know of a channel.

    settings: what makes it talk to a place
    odd:      the outcome of each odd behaviour it can meet
    cases:    faults of the sandbox, where that speaks its protocol
    missing:  the variables without which it cannot send
    answer:   what its provider says to a good message; None: the sandbox speaks its protocol
    """

    content: Content
    address: Address | None
    settings: Callable[[Place], ChannelSettings]
    odd: Mapping[Odd, type[Outcome]]
    cases: tuple[Case, ...] = ()
    missing: tuple[str, ...] = ()
    answer: bytes | None = None


def push_settings(place: Place) -> ChannelSettings:
    credentials = place.directory / "credentials.json"
    return samples.push_settings(place.base, f"{place.sandbox.base_url}/token", credentials, place.deadline)


def whatsapp_settings(place: Place) -> ChannelSettings:
    environment = place.sandbox.environment()
    token, number = environment["KABAR_WHATSAPP__TOKEN"], environment["KABAR_WHATSAPP__PHONE_NUMBER_ID"]
    return samples.whatsapp_settings(place.base, token, number, place.deadline)


ALWAYS_RETRY = dict.fromkeys(set(Odd) - {Odd.NOTHING, Odd.ECHO, Odd.DROP_AFTER_ANSWER, Odd.HANG_AT_CONNECT}, Retry)
SLOW = {Odd.HANG, Odd.HANG_AT_CONNECT, Odd.TRICKLE}
ROWS = {
    "push": Row(
        samples.PUSH,
        samples.TOKEN,
        push_settings,
        ALWAYS_RETRY,
        (
            Case("UNREGISTERED", Rejected, drop=True),
            Case("INVALID_ARGUMENT", Rejected, drop=True),
            Case("INVALID_TOKEN", Rejected, drop=True),
            Case("BAD_REQUEST", Rejected, StopCampaign),
            Case("SENDER_ID_MISMATCH", Rejected, drop=True),
            Case("THIRD_PARTY_AUTH_ERROR", Retry, StopChannel),
            Case("UNAUTHENTICATED", Retry, StopChannel),
            Case("QUOTA_EXCEEDED", Retry, SlowDown),
            Case("UNAVAILABLE", Retry),
            Case("INTERNAL", Retry),
            Case("drop_before", Retry),
            Case("drop_after", Retry),
            Case("garbage", Retry),
            Case("hang", Retry),
        ),
        missing=("KABAR_PUSH__PROJECT", "KABAR_PUSH__CREDENTIALS_FILE"),
    ),
    "whatsapp": Row(
        samples.WHATSAPP,
        samples.PHONE,
        whatsapp_settings,
        dict.fromkeys(ALWAYS_RETRY, Unknown),
        (
            Case("131026", Rejected),
            Case("131049", Retry, HoldPerson),
            Case("131056", Retry, HoldPerson),
            Case("130429", Retry, SlowDown),
            Case("131048", Retry, SlowDown),
            Case("131000", Retry),
            Case("132001", Rejected, StopCampaign),
            Case("190", Retry, StopChannel),
            Case("drop_before", Unknown),
            Case("drop_after", Unknown),
            Case("garbage", Unknown),
            Case("hang", Unknown),
        ),
        missing=("KABAR_WHATSAPP__PHONE_NUMBER_ID", "KABAR_WHATSAPP__TOKEN"),
    ),
    "email": Row(
        samples.EMAIL,
        samples.MAILBOX,
        lambda place: samples.email_settings(place.port, place.deadline, **{"host": place.host, **place.email}),
        {
            Odd.DROP_AT_CONNECT: Retry,
            Odd.HANG_AT_CONNECT: Retry,
            Odd.DROP_IN_REQUEST: Retry,
            Odd.DROP_AFTER_REQUEST: Unknown,
            Odd.HANG: Unknown,
            Odd.GARBAGE: Unknown,
            Odd.HUGE: Unknown,
            Odd.DROP_IN_ANSWER: Unknown,
            Odd.TRICKLE: Unknown,
        },
        (
            Case("550 5.1.1 User unknown", Rejected, drop=True),
            Case("550 5.7.1 Policy", Rejected),
            Case("452 4.2.2 Mailbox full", Retry),
            Case("421 4.7.0 Slow down", Retry, SlowDown),
            Case("drop_before", Retry),
            Case("drop_after", Unknown),
            Case("garbage", Retry),
            Case("hang", Retry),
        ),
        missing=("KABAR_EMAIL__HOST", "KABAR_EMAIL__SENDER"),
    ),
    "popup": Row(
        samples.POPUP,
        None,
        lambda place: PopupSettings(deadline=place.deadline),
        {Odd.DROP_AT_CONNECT: Retry, Odd.DROP_AFTER_REQUEST: Retry, Odd.HANG: Retry, Odd.GARBAGE: Retry},
    ),
}


def settings_for(name: str, port: int, sandbox: Sandbox, tmp_path: Path, deadline: float) -> ChannelSettings:
    return ROWS[name].settings(Place(port, deadline, tmp_path, sandbox))


def inbox(odd: Odd) -> Ports:
    """The store as a pop-up may find it."""

    async def put(item: PopupItem) -> None:
        match odd:
            case Odd.NOTHING:
                assert item.content["title"]
            case Odd.HANG:
                await asyncio.Event().wait()
            case Odd.GARBAGE:
                raise ValueError("not a row")
            case _:
                raise ConnectionResetError(odd)

    return Ports(put_popup=put)


@asynccontextmanager
async def odd_server(name: str, odd: Odd) -> AsyncIterator[Served]:
    async with smtp_server(odd) if name == "email" else http_server(odd) as served:
        yield served


def adapter_for(name: str, settings: ChannelSettings, odd: Odd = Odd.NOTHING) -> Adapter:
    return CHANNELS[name].adapter(settings, inbox(odd))


def test_every_channel_in_the_registry_has_a_row() -> None:
    assert set(ROWS) == set(CHANNELS)
    assert all(CHANNELS[name].name == name and isinstance(row.content, CHANNELS[name].content) for name, row in ROWS.items())


@pytest.mark.parametrize("name", ROWS)
def test_content_says_its_summary_in_one_line(name: str) -> None:
    summary = ROWS[name].content.summary()
    assert summary
    assert "\n" not in summary


@asynccontextmanager
async def provider(name: str, sandbox: Sandbox) -> AsyncIterator[int]:
    """The port of somebody who takes good messages: the sandbox, or a server with the row's answer."""
    if (answer := ROWS[name].answer) is not None:
        async with http_server(Odd.NOTHING, http_answer("200 OK", answer)) as served:
            yield served.port
            assert len(served.requests) == MANY
    else:
        yield sandbox.smtp_port if name == "email" else int(sandbox.base_url.rpartition(":")[2])


@pytest.mark.parametrize("name", ROWS)
async def test_good_messages_are_sent_also_many_at_once(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    row = ROWS[name]
    async with (
        provider(name, sandbox) as port,
        samples.running(adapter_for(name, settings_for(name, port, sandbox, tmp_path, 20))) as adapter,
    ):
        outcomes = await asyncio.gather(
            *(adapter.send(samples.envelope(row.content, row.address, key=f"key-{number}")) for number in range(MANY))
        )
    assert {type(outcome) for outcome in outcomes} == {Sent}
    if row.answer is None:
        assert len({outcome.provider_id for outcome in outcomes if isinstance(outcome, Sent)}) == MANY
        assert row.address is None or {delivery.key for delivery in sandbox.deliveries} == {f"key-{number}" for number in range(MANY)}


@pytest.mark.parametrize(
    "name, case", [pytest.param(name, case, id=f"{name}-{case.kind}") for name, row in ROWS.items() for case in row.cases]
)
async def test_each_class_of_error_has_its_outcome(name: str, case: Case, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add(Rule.model_validate({"channel": name, "kind": case.kind}))
    port = sandbox.smtp_port if name == "email" else int(sandbox.base_url.rpartition(":")[2])
    row = ROWS[name]
    deadline = SHORT if case.kind == "hang" else 20
    async with samples.running(adapter_for(name, settings_for(name, port, sandbox, tmp_path, deadline))) as adapter:
        outcome = await adapter.send(samples.envelope(row.content, row.address))
    assert type(outcome) is case.outcome
    assert type(outcome.signal) is (case.signal or type(None))
    assert getattr(outcome, "drop_address", False) is case.drop
    assert row.address is None or row.address.value not in getattr(outcome, "detail", "")


@pytest.mark.parametrize(
    "name, odd", [pytest.param(name, odd, id=f"{name}-{odd}") for name, row in ROWS.items() for odd in sorted(row.odd)]
)
async def test_odd_servers_leave_the_doubt_they_should(name: str, odd: Odd, sandbox: Sandbox, tmp_path: Path) -> None:
    row = ROWS[name]
    deadline = SHORT if odd in SLOW else 20
    async with odd_server(name, odd) as served:
        settings = settings_for(name, served.port, sandbox, tmp_path, deadline)
        async with samples.running(adapter_for(name, settings, odd)) as adapter:
            outcome = await adapter.send(samples.envelope(row.content, row.address))
    assert type(outcome) is row.odd[odd]


@pytest.mark.parametrize("name", ROWS)
async def test_closing_twice_is_harmless(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    adapter = adapter_for(name, settings_for(name, 1, sandbox, tmp_path, 1))
    await adapter.start()
    await adapter.close()
    await adapter.close()


def test_channels_name_what_is_missing() -> None:
    found = {name: tuple(channel.missing(channel.settings.model_construct())) for name, channel in CHANNELS.items()}
    assert found == {name: row.missing for name, row in ROWS.items()}


async def test_the_environment_of_a_sandbox_leaves_nothing_missing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in sandbox.environment().items():
        monkeypatch.setenv(variable, value)
    spoken = [CHANNELS[name] for name, row in ROWS.items() if row.answer is None]
    assert not [name for channel in spoken for name in channel.missing(channel.settings.read())]
