"""Puts the routes together over one house."""

from __future__ import annotations

from fastapi import FastAPI

from console.http import (
    clicks,
    description,
    errors,
    events,
    health,
    metrics,
    popups,
    preferences,
    pushes,
    sdk,
    stream,
    tokens,
    unsubscribe,
    webhooks,
)
from console.http.access import Web
from console.http.cors import Cors
from console.http.headers import Headers
from console.http.hooks import Hooks
from console.http.keyring import Keyring
from console.http.limits import Limits
from console.http.patience import Patience
from console.http.shield import Shield
from console.http.streams import Streams
from jobs.house import House

# pushes before webhooks: /v1/receipts/push is not a provider's.
_APP = (tokens.router, popups.router, stream.router, sdk.router)
_PEOPLE = (unsubscribe.router, preferences.router, clicks.router)
_ROUTERS = (events.router, pushes.router, webhooks.router, *_APP, *_PEOPLE, health.router, metrics.router, description.router)


def make_web(house: House, patience: Patience = Patience()) -> FastAPI:
    """The application. The settings of channels with webhooks are read here; raises ConfigError when one is wrong."""
    settings = house.settings.http
    app = FastAPI(title="Kabar", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.web = Web(house, Hooks(house), Streams(house.database.conninfo), Keyring(house), Limits(settings))
    for router in _ROUTERS:
        app.router.routes.extend(router.routes)
    description.describe(app)
    errors.install(app)
    app.add_middleware(Shield, body_seconds=patience.body)
    app.add_middleware(Cors, origins=settings.origins)
    app.add_middleware(Headers, address=settings.address)
    return app
