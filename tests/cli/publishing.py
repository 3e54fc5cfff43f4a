"""A configuration put in force without a daemon."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr

from config.settings import Settings
from scheduler.bootstrap import open_house, publish, read_config
from tests.cli.conftest import Desk


def publish_config(desk: Desk) -> None:
    """What stands on the desk, as `kabar scheduler` would publish it."""

    async def main() -> None:
        async with open_house(Settings(database_url=SecretStr(desk.env["KABAR_DATABASE_URL"]))) as house:
            await publish(house, read_config(desk.config))

    asyncio.run(main())
