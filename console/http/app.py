"""Puts the routes together over one house."""

from __future__ import annotations

from fastapi import FastAPI

from console.http import clicks, errors, events, health, metrics, popups, preferences, pushes, sdk, stream, unsubscribe, webhooks
from console.http.access import Web
from console.http.cors import Cors
from console.http.hooks import Hooks
from console.http.shield import Shield
from console.http.streams import Streams
from jobs.house import House

# pushes before webhooks: /v1/receipts/push is not a provider's.
_APP = (popups.router, stream.router, sdk.router)
_PEOPLE = (unsubscribe.router, preferences.router, clicks.router)
_ROUTERS = (events.router, pushes.router, webhooks.router, *_APP, *_PEOPLE, health.router, metrics.router)


def make_web(house: House) -> FastAPI:
    """The application. The settings of channels with webhooks are read here; raises ConfigError when one is wrong."""
    app = FastAPI(title="Kabar", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.web = Web(house, Hooks(house), Streams(house.database.conninfo))
    for router in _ROUTERS:
        app.include_router(router)
    errors.install(app)
    app.add_middleware(Shield)
    app.add_middleware(Cors, origins=house.settings.http.origins)
    return app
