"""channels.yaml: more accounts at the providers than each channel's default one, and what is kept free for important messages.

Secrets are settings, never here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt

from config.strict import Strict
from config.values import basis_points


class Account(Strict):
    """One set of credentials with a limit of its own.

    name:        small letters, digits and _; its settings are KABAR_ACCOUNTS__<NAME>__<FIELD>, the fields those of its channel
    provider:    whose it is, for people
    rate:        messages a second the provider allows; None = as its settings say, else what is usual on the channel
    concurrency: requests in flight at once; None as above
    share:       its part of the channel's messages, relative to the shares of the channel's other accounts
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,30}$")]
    provider: str
    channel: str
    rate: PositiveFloat | None = None
    concurrency: PositiveInt | None = None
    share: PositiveInt = 1

    @property
    def prefix(self) -> str:
        """Of its settings in the environment."""
        return f"KABAR_ACCOUNTS__{self.name.upper()}__"


class Important(Strict):
    """Which messages go before everything else, and what is kept free for them.

    priority: of a category, from which on its messages are important
    share:    of each channel's released stock, in basis points: bulk never fills it
    """

    priority: Annotated[int, Field(ge=0, le=1000)] = 100
    share: Annotated[int, BeforeValidator(basis_points)] = Field(default="10%", validate_default=True)


class Accounts(Strict):
    """default_shares: by channel, of the account that KABAR_<CHANNEL>__* describes; 1 where nothing is said."""

    accounts: tuple[Account, ...] = ()
    default_shares: Mapping[str, PositiveInt] = {}
    important: Important = Important()

    def of(self, channel: str) -> tuple[Account, ...]:
        """Those beside the channel's default account."""
        return tuple(account for account in self.accounts if account.channel == channel)

    def default_share(self, channel: str) -> int:
        return self.default_shares.get(channel, 1)
