"""channels.yaml: more accounts at the providers than each channel's default one. Their secrets are settings, never here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from config.strict import Strict


class Account(Strict):
    """One set of credentials with a limit of its own.

    name:        small letters, digits and _; its secrets are KABAR_ACCOUNTS__<NAME>__<FIELD>
    rate:        messages a second the provider allows
    concurrency: requests in flight at once
    share:       its part of the channel's messages, relative to the shares of the channel's other accounts
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
    provider: str
    channel: str
    rate: PositiveFloat = 50.0
    concurrency: PositiveInt = 50
    share: PositiveInt = 1


class Accounts(Strict):
    accounts: tuple[Account, ...] = ()
