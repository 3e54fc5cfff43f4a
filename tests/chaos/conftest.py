"""The house with a proxy on its way to PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from sqlalchemy.engine import make_url

from store.connection import Patient
from store.engine import Database, open_database
from tests.chaos.proxy import Proxy


class Quick(Patient):
    """As patient as the real one, in a tenth of the time."""

    silence, asked, again = 0.5, 0.5, 0.2


@pytest.fixture
def proxy(database_url: str) -> Iterator[Proxy]:
    """On the way to the test's own database."""
    with Proxy(f"{make_url(database_url).query['host']}/.s.PGSQL.5432") as running:
        yield running


@pytest.fixture
async def far(proxy: Proxy, database_url: str) -> AsyncIterator[Database]:
    """The same database by way of the proxy."""
    opened = open_database(through(proxy, database_url), kind=Quick)
    yield opened
    await opened.close()


def through(proxy: Proxy, url: str) -> str:
    query = {"connect_timeout": "2", "sslmode": "disable", "gssencmode": "disable"}
    return make_url(url).set(host="127.0.0.1", port=proxy.port, query=query).render_as_string(hide_password=False)
