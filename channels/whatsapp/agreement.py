"""Do the words of a campaign fit the template that Meta has approved? Each point in which they do not, with the way out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from channels.whatsapp.limits import BODY_LIMIT, URL_LIMIT
from channels.whatsapp.parts import WhatsAppButton
from channels.whatsapp.shapes import Shape, ShapeButton, Shapes, fill, places
from config.companions import Fault
from config.problems import suggest

PLAUSIBLE = 60  # characters of a value: hardly a customer's name is longer
_EXPRESSION = re.compile(r"\{\{.{0,2000}?\}\}|\{%.{0,2000}?%\}", re.DOTALL)
_OURS = ("url", "quick_reply", "phone_number")
_SHOWN = 40


def unknown(name: str, language: str, shapes: Shapes) -> Fault:
    if languages := shapes.languages(name):
        known = ", ".join(languages)
        return Fault(
            ("language",), f'template "{name}" is not declared in "{language}"; it is in {known}; have this language approved, too'
        )
    return Fault(("name",), f'template "{name}" is not declared{suggest(name, {shape.name for shape in shapes.templates})}')


def of_status(shape: Shape) -> Iterator[Fault]:
    if shape.status.lower() != "approved":
        yield Fault(("name",), f"Meta has {shape.title} as {shape.status}: it is refused until it is approved", warning=True)


def of_header(shape: Shape, image: str | None) -> Iterator[Fault]:
    if shape.header == "image" and image is None:
        yield Fault(("header_image",), f"{shape.title} has an image above its text; write header_image: https://…")
    elif shape.header != "image" and image is not None:
        yield Fault(("header_image",), f"{shape.title} has no image above its text; leave header_image out")
    elif shape.header in ("video", "document", "location") or places(shape.header_text):
        yield Fault(
            ("name",), f"{shape.title} wants a {shape.header} above its text, which Kabar does not fill; use an image or a fixed text"
        )


def of_parameters(shape: Shape, values: Mapping[str, str]) -> Iterator[Fault]:
    wanted = places(shape.body)
    listed = ", ".join(f"{{{{{place}}}}}" for place in wanted)
    if len(values) != len(wanted):
        way = f"write one for each of {listed}" if wanted else "leave parameters out"
        yield Fault(("parameters",), f"{shape.title} has {len(wanted)} places and is given {len(values)} parameters; {way}")
    elif values.keys() != set(wanted):
        yield Fault(
            ("parameters",), f"{shape.title} has the places {listed}; write `name:` and `text:` for each name, a plain text for each number"
        )
    else:
        yield from _length(shape.title, "body", shape.body, fill(shape.body, values), BODY_LIMIT, ("parameters",))


def of_preview(shape: Shape, values: Mapping[str, str], text: str) -> Iterator[Fault]:
    """Blanks and line ends aside, `text` is the approved body with the parameters in its places."""
    if values.keys() != set(places(shape.body)):
        return
    meant, written = "".join(fill(shape.body, values).split()), "".join(text.split())
    if meant == written:
        return
    same = next((at for at, (one, other) in enumerate(zip(meant, written, strict=False)) if one != other), min(len(meant), len(written)))
    right = " ".join(fill(shape.body, values).split())
    rest = right[_at(right, same) :]
    said = f'"{rest[:_SHOWN]}{"…" if len(rest) > _SHOWN else ""}"' if rest else "nothing more"
    message = f"this is not what customers will read: from here the approved body of {shape.title} says {said}; write it as approved"
    yield Fault(("text",), message, offset=max(min(_at(text, same), len(text.rstrip()) - 1), 0))


def of_buttons(shape: Shape, buttons: Sequence[WhatsAppButton]) -> Iterator[Fault]:
    if len(buttons) > len(shape.buttons):
        has = f"{len(shape.buttons)} buttons" if shape.buttons else "no buttons"
        yield Fault(("buttons", len(shape.buttons)), f"{shape.title} has {has}; leave this one out")
    for index, declared in enumerate(shape.buttons):
        yield from _button(shape.title, index, declared, buttons[index] if index < len(buttons) else None)


def _button(title: str, index: int, declared: ShapeButton, given: WhatsAppButton | None) -> Iterator[Fault]:
    at, number, value = ("buttons", index), index + 1, given.value if given else None
    if declared.kind not in _OURS:
        yield Fault(
            ("buttons",), f"button {number} of {title} is of the kind {declared.kind}, which Kabar does not fill; use another template"
        )
    elif given is not None and given.kind != declared.kind:
        yield Fault((*at, "kind"), f"button {number} of {title} is a {declared.kind}; write kind: {declared.kind}")
    elif declared.kind == "url" and places(declared.url) and value is None:
        yield Fault(at if given else ("buttons",), f"button {number} of {title} opens {declared.url}; write its end as value:")
    elif declared.kind == "url" and not places(declared.url) and value is not None:
        yield Fault((*at, "value"), f"button {number} of {title} always opens the same address; leave value out")
    elif declared.kind == "url" and value is not None:
        address = fill(declared.url, dict.fromkeys(places(declared.url), value))
        yield from _length(title, f"address of button {number}", declared.url, address, URL_LIMIT, (*at, "value"))


def _length(title: str, what: str, template: str, filled: str, limit: int, path: tuple[str | int, ...]) -> Iterator[Fault]:
    """What is too long for everybody is a mistake; what is with long values only is a warning."""
    longest = len(_EXPRESSION.sub("x" * PLAUSIBLE, filled))
    if longest > limit:
        certain = not _EXPRESSION.search(filled)
        how = "is" if certain else f"with values of {PLAUSIBLE} characters is"
        yield Fault(path, f"the {what} of {title} {how} {longest} characters long, {limit} are allowed; shorten it", warning=not certain)


def _at(text: str, visible: int) -> int:
    """Where in a text its n-th visible character stands."""
    found = [at for at, char in enumerate(text) if not char.isspace()]
    return found[visible] if visible < len(found) else len(text)
