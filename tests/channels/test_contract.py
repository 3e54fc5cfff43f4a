"""One suite for every channel in the registry: what an adapter answers, whatever the provider and the network do."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from channels.base import (
    Adapter,
    Address,
    Content,
    Outcome,
    PopupItem,
    Ports,
    Rejected,
    Retry,
    Sent,
    SlowDown,
    StopCampaign,
    StopChannel,
    Unknown,
)
from channels.popup.settings import PopupSettings
from channels.registry import CHANNELS
from channels.sandbox.faults import Rule
from channels.sandbox.server import Sandbox
from config.settings import ChannelSettings
from tests.channels import samples
from tests.channels.servers import Odd, Served, http_server, smtp_server

SHORT = 0.6  # seconds; enough for a busy machine to get as far as the fault


@dataclass(frozen=True)
class Case:
    """A fault of the sandbox and what must be answered to it."""

    kind: str
    outcome: type[Outcome]
    signal: type[object] | None = None
    drop: bool = False


@dataclass(frozen=True)
class Row:
    """A channel. `odd`: the outcome of each odd behaviour it can meet; `refused`: nobody listens."""

    content: Content
    address: Address | None
    odd: Mapping[Odd, type[Outcome]]
    cases: tuple[Case, ...] = ()


ALWAYS_RETRY = dict.fromkeys(set(Odd) - {Odd.NOTHING, Odd.DROP_AFTER_ANSWER, Odd.HANG_AT_CONNECT}, Retry)
ROWS = {
    "push": Row(
        samples.PUSH,
        samples.TOKEN,
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
    ),
    "whatsapp": Row(
        samples.WHATSAPP,
        samples.PHONE,
        dict.fromkeys(ALWAYS_RETRY, Unknown),
        (
            Case("131026", Rejected),
            Case("131049", Retry),
            Case("131056", Retry),
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
    ),
    "email": Row(
        samples.EMAIL,
        samples.MAILBOX,
        {
            Odd.DROP_AT_CONNECT: Retry,
            Odd.HANG_AT_CONNECT: Retry,
            Odd.DROP_IN_REQUEST: Retry,
            Odd.DROP_AFTER_REQUEST: Unknown,
            Odd.HANG: Unknown,
            Odd.GARBAGE: Unknown,
            Odd.HUGE: Unknown,
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
    ),
    "popup": Row(
        samples.POPUP,
        None,
        {Odd.DROP_AT_CONNECT: Retry, Odd.DROP_AFTER_REQUEST: Retry, Odd.HANG: Retry, Odd.GARBAGE: Retry},
    ),
}


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with Sandbox(credentials_file=tmp_path / "credentials.json") as running:
        yield running


def settings_for(name: str, port: int, sandbox: Sandbox, tmp_path: Path, deadline: float) -> ChannelSettings:
    base = f"http://127.0.0.1:{port}"
    makers: dict[str, Callable[[], ChannelSettings]] = {
        "push": lambda: samples.push_settings(base, f"{sandbox.base_url}/token", tmp_path / "credentials.json", deadline),
        "whatsapp": lambda: samples.whatsapp_settings(
            base,
            sandbox.environment()["KABAR_WHATSAPP__TOKEN"],
            sandbox.environment()["KABAR_WHATSAPP__PHONE_NUMBER_ID"],
            deadline,
        ),
        "email": lambda: samples.email_settings(port, deadline),
        "popup": lambda: PopupSettings(deadline=deadline),
    }
    return makers[name]()


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


@pytest.mark.parametrize("name", ROWS)
async def test_good_messages_are_sent_also_many_at_once(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    port = sandbox.smtp_port if name == "email" else int(sandbox.base_url.rpartition(":")[2])
    row = ROWS[name]
    async with samples.running(adapter_for(name, settings_for(name, port, sandbox, tmp_path, 20))) as adapter:
        outcomes = await asyncio.gather(
            *(adapter.send(samples.envelope(row.content, row.address, key=f"key-{number}")) for number in range(40))
        )
    assert {type(outcome) for outcome in outcomes} == {Sent}
    assert len({outcome.provider_id for outcome in outcomes if isinstance(outcome, Sent)}) == 40
    if row.address is not None:
        assert {delivery.key for delivery in sandbox.deliveries} == {f"key-{number}" for number in range(40)}


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
    deadline = SHORT if odd in (Odd.HANG, Odd.HANG_AT_CONNECT) else 20
    async with odd_server(name, odd) as served:
        settings = settings_for(name, served.port, sandbox, tmp_path, deadline)
        async with samples.running(adapter_for(name, settings, odd)) as adapter:
            outcome = await adapter.send(samples.envelope(row.content, row.address))
    assert type(outcome) is row.odd[odd]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if row.address is not None])
async def test_a_server_that_is_not_there_means_retry(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    row = ROWS[name]
    async with samples.running(adapter_for(name, settings_for(name, port, sandbox, tmp_path, 20))) as adapter:
        outcome = await adapter.send(samples.envelope(row.content, row.address))
    assert outcome == Retry("connect")


@pytest.mark.parametrize("name", ROWS)
async def test_closing_twice_is_harmless(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    adapter = adapter_for(name, settings_for(name, 1, sandbox, tmp_path, 1))
    await adapter.start()
    await adapter.close()
    await adapter.close()


@pytest.mark.parametrize("name", ROWS)
async def test_content_of_another_channel_is_our_own_fault(name: str, sandbox: Sandbox, tmp_path: Path) -> None:
    other = samples.POPUP if name != "popup" else samples.PUSH
    async with samples.running(adapter_for(name, settings_for(name, 1, sandbox, tmp_path, 1))) as adapter:
        with pytest.raises(TypeError, match="expected, not"):
            await adapter.send(samples.envelope(other, ROWS[name].address))


def test_channels_name_what_is_missing() -> None:
    found = {name: list(channel.missing(channel.settings.model_construct())) for name, channel in CHANNELS.items()}
    assert found == {
        "push": ["KABAR_PUSH__PROJECT", "KABAR_PUSH__CREDENTIALS_FILE"],
        "whatsapp": ["KABAR_WHATSAPP__PHONE_NUMBER_ID", "KABAR_WHATSAPP__TOKEN"],
        "email": ["KABAR_EMAIL__HOST", "KABAR_EMAIL__SENDER"],
        "popup": [],
    }


async def test_the_environment_of_a_sandbox_leaves_nothing_missing(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in sandbox.environment().items():
        monkeypatch.setenv(variable, value)
    assert not [name for channel in CHANNELS.values() for name in channel.missing(channel.settings.read())]
