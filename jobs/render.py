"""From a template variant and a person to an envelope. What is the same for everybody is compiled once a variant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError

from channels.base import Address, Channel, Content, Envelope
from channels.fields import is_https
from config.loader import Config
from config.templating import RenderError, compile_text
from jobs.catalog import Published
from jobs.house import House
from jobs.links import CLICK, PREFERENCES, UNSUBSCRIBE, message_key

_RENDERED = {"rendered": True}
_Fill = Callable[[Mapping[str, object]], Any]


class CompiledContent:
    """One variant's words on one channel, ready to be filled in."""

    def __init__(self, content: Content) -> None:
        prepared = content.prepared()
        self._kind = type(prepared)
        self._fields = {
            name: _compile(value, escape=name in prepared.html_fields) for name, value in prepared.model_dump(exclude_none=True).items()
        }

    def render(self, values: Mapping[str, object]) -> Content:
        """Fill in one person. Raises RenderError, which never holds a value."""
        data = {name: fill(values) for name, fill in self._fields.items()}
        try:
            return self._kind.model_validate(data, context=_RENDERED)
        except ValidationError as error:
            fault = error.errors(include_input=False, include_url=False)[0]
            place = ".".join(map(str, fault["loc"]))
            raise RenderError(f"{place}: filled in, the text is not valid any more ({fault['type']})") from None


def _compile(value: Any, *, escape: bool) -> _Fill:
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        return compile_text(value, autoescape=escape).render
    if isinstance(value, Mapping):
        fills = {name: _compile(item, escape=escape) for name, item in value.items()}
        return lambda values: {name: fill(values) for name, fill in fills.items()}
    if isinstance(value, list | tuple):
        parts = [_compile(item, escape=escape) for item in value]
        return lambda values: [fill(values) for fill in parts]
    return lambda values: value


@lru_cache(maxsize=1024)
def _compiled(content: Content) -> CompiledContent:
    return CompiledContent(content)


def render(content: Content, values: Mapping[str, object], counted: Callable[[int], str] | None = None) -> Content:
    """counted: the link that counts a click and leads to the destination of this number; None = straight there. Raises RenderError."""
    rendered = _compiled(content).render(values)
    places = rendered.destinations()
    if not places:
        return rendered
    return rendered.linked([counted(number) if counted and is_https(place) else place for number, place in enumerate(places)])


def destination(content: Content, values: Mapping[str, object], number: int) -> str | None:
    """Where a counted link leads; None when there is none of this number, or none that may be counted. Raises RenderError."""
    places = _compiled(content).render(values).destinations()
    return places[number] if number < len(places) and is_https(places[number]) else None


def person_values(
    *, name: str, customer_no: str, locale: str, attributes: Mapping[str, object], campaign: str, event: Mapping[str, object]
) -> dict[str, object]:
    """What a template may use of one person and of what the message is about."""
    return {
        "name": name,
        "first_name": name.split(" ")[0],
        "customer_no": customer_no,
        "locale": locale,
        "attributes": attributes,
        "campaign": campaign,
        "event": event,
    }


def _values(message: Any, person: Any) -> dict[str, object]:
    return person_values(
        name=person.name,
        customer_no=person.customer_no,
        locale=person.locale,
        attributes=person.attributes,
        campaign=message.campaign,
        event=message.event_data or message.run_data,
    )


class Renderer:
    """Makes the envelopes of one block; `published` holds the versions its messages were planned with."""

    def __init__(self, house: House, published: Mapping[int, Published]) -> None:
        self._house = house
        self._published = published

    def config(self, message: Any) -> Config:
        """Of the version a message was planned with. Raises RenderError when that cannot be read any more."""
        published = self._published.get(message.version_id)
        if published is None:
            raise RenderError("the version of the configuration it was planned with cannot be read any more")
        return published.config

    def content(self, message: Any, person: Any, channel: Channel) -> Content:
        """A message's own words, filled in. Rows, which may be one: of the message with its run and event, and of its person.

        Raises RenderError.
        """
        return render(self._words(message, channel), _values(message, person), self._counted(message, channel.name))

    def filled(self, content: Content, message: Any, person: Any, **more: object) -> Content:
        """Any words with the values of a message and its person, and more. Raises RenderError."""
        return render(content, _values(message, person) | more)

    def destination(self, message: Any, person: Any, channel: Channel, number: int) -> str | None:
        """Where a link of `content` leads; None when it has no such link. Raises RenderError."""
        return destination(self._words(message, channel), _values(message, person), number)

    def _words(self, message: Any, channel: Channel) -> Content:
        config = self.config(message)
        variants = config.templates[config.campaigns[message.campaign].template].variants
        content = variants[message.variant].channels.get(channel.name) if message.variant >= 0 else None
        if not isinstance(content, Content):
            raise RenderError(f"no variant of the template speaks to this person on {channel.name}")
        return content

    def _counted(self, message: Any, channel: str) -> Callable[[int], str] | None:
        """None where clicks are not counted: the campaign or its category says so, or it is only a test."""
        config, message_id = self.config(message), str(message.id)
        if message.id <= 0 or not config.counts_clicks(message.campaign):
            return None
        signer, start = self._house.signer, f"{self._house.settings.http.address}/c/"
        return lambda number: start + signer.sign(CLICK, message_id, channel, str(number))

    def envelope(self, row: Any, channel: Channel, address: Address | None, now: datetime, content: Content | None = None) -> Envelope:
        """row: a claimed message with its person, run and event. content: what it says if not its own words. Raises RenderError."""
        return Envelope(
            message_id=row.id,
            key=message_key(row.id),
            seal=self._house.signer.seal(message_key(row.id)),
            person_id=row.person_id,
            campaign=row.campaign,
            category=row.category,
            priority=row.priority,
            locale=row.locale,
            content=content or self.content(row, row, channel),
            ttl=row.expires_at - now,
            address=address,
            unsubscribe=self._own_page("u", UNSUBSCRIBE, row, channel.name),
            preferences=self._own_page("p", PREFERENCES, row),
        )

    def _own_page(self, page: str, purpose: str, row: Any, *words: str) -> str | None:
        """A link to a page of this person's, where the category is an offer."""
        category = self.config(row).rules.categories.get(row.category)
        if category is not None and not category.offer:
            return None
        token = self._house.signer.sign(purpose, str(row.person_id), *words)
        return f"{self._house.settings.http.address}/{page}/{token}"
