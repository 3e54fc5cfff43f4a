"""What GET /v1/popups answers, for the description of the interface; the answer itself is written by popups.py."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel


class Image(BaseModel):
    url: str
    w: int | None
    h: int | None


class Button(BaseModel):
    id: str | None
    label: str | None
    link: str | None


class PopupWords(BaseModel):
    layout: str
    title: str
    body: str
    image: Image | None
    buttons: list[Button]


class Popup(BaseModel):
    delivery_id: str
    campaign: str
    priority: int
    trigger: str
    not_before: datetime
    expires_at: datetime
    max_impressions: int
    min_interval_s: int
    content: PopupWords


class Waiting(BaseModel):
    """items: one or none."""

    items: list[Popup]
    poll_after_s: int
