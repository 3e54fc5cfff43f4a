"""What the WhatsApp Cloud API takes: the body of a message, judged with Meta's own codes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from channels.sandbox.templates import Template

BODY_LIMIT, TEXT_LIMIT, URL_LIMIT, OPAQUE_LIMIT, BUTTONS = 1024, 4096, 2000, 512, 10
_PHONE = re.compile(r"\+?\d{6,15}")
_USER_ID = re.compile(r"[A-Z]{2}\.\w+")
_UNPRINTABLE = re.compile(r"[\n\t]| {5,}")
_MEDIA = ("image", "video", "document")
_REFUSED = {"PAUSED": 132015, "DISABLED": 132016, "REJECTED": 132001, "PENDING": 132001, "PENDING_DELETION": 132001}
_SUB_TYPES = ("url", "quick_reply", "copy_code", "flow", "catalog", "mpm", "voice_call")


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal: Meta's code and what it would say in error_data.details."""

    code: int
    details: str


def first_problem(body: object, templates: Mapping[str, Mapping[str, Template]]) -> Problem | None:
    """The first thing Meta would refuse a message for, None when it is good. `templates`: by name, then language."""
    if not isinstance(body, Mapping):
        return Problem(100, "The body must be a JSON object.")
    return next(_problems(body, templates), None)


def _problems(body: Mapping[str, object], templates: Mapping[str, Mapping[str, Template]]) -> Iterator[Problem]:
    if body.get("messaging_product") != "whatsapp":
        yield Problem(100, "The parameter messaging_product is required.")
    yield from _recipient(body)
    opaque = body.get("biz_opaque_callback_data", "")
    if not isinstance(opaque, str) or len(opaque) > OPAQUE_LIMIT:
        yield Problem(100, f"biz_opaque_callback_data must be a string of at most {OPAQUE_LIMIT} characters.")
    match body.get("type", "text"), body:
        case "template", {"template": Mapping() as template}:
            yield from _template(template, templates)
        case "text", {"text": {"body": str(text)}}:
            if not 0 < len(text) <= TEXT_LIMIT:
                yield Problem(100, f"Param text['body'] must be 1 to {TEXT_LIMIT} characters long.")
        case ("template" | "text") as kind, _:
            yield Problem(131008, f"Parameter '{kind}' is mandatory for type '{kind}'")
        case kind, _:
            yield Problem(131051, f"The sandbox takes templates and text, not {kind!r}.")


def _recipient(body: Mapping[str, object]) -> Iterator[Problem]:
    to, recipient = body.get("to"), body.get("recipient")
    if to is None and recipient is None:
        yield Problem(131008, "The parameter to is required.")
    elif to is not None and not (isinstance(to, str) and _PHONE.fullmatch(to)):
        yield Problem(131009, "The parameter to is not a phone number.")
    elif to is None and not (isinstance(recipient, str) and _USER_ID.fullmatch(recipient)):
        yield Problem(131009, "The parameter recipient is not a business-scoped user id.")
    if body.get("recipient_type", "individual") != "individual":
        yield Problem(100, "recipient_type must be individual.")


def _template(template: Mapping[str, object], known: Mapping[str, Mapping[str, Template]]) -> Iterator[Problem]:
    name, language = template.get("name"), template.get("language")
    code = language.get("code") if isinstance(language, Mapping) else None
    components = template.get("components", [])
    if not isinstance(name, str) or not isinstance(code, str) or not name or not code:
        yield Problem(131008, "template.name and template.language.code are required.")
        return
    if not isinstance(components, list) or not all(isinstance(item, Mapping) for item in components):
        yield Problem(100, "template.components must be a list of objects.")
        return
    for component in components:
        yield from _component(component)
    if name in known:
        yield from _registered(components, known[name].get(code), f"{name} in {code}")


def _registered(components: list[Mapping[str, object]], template: Template | None, name: str) -> Iterator[Problem]:
    if template is None:
        yield Problem(132001, f"template name ({name}) does not exist")
        return
    if template.status in _REFUSED:
        yield Problem(_REFUSED[template.status], f"template {name} is {template.status}")
    header = any(str(item.get("type")).lower() == "header" for item in components)
    if template.header is not None and header != (template.header == "image"):
        yield Problem(132012, f"header: Format mismatch, expected {template.header.upper()}")
    body = [item for component in components if str(component.get("type")).lower() == "body" for item in _parameters(component)]
    given, wanted = len(body), len(template.placeholders())
    named = {str(item.get("parameter_name", place)) for place, item in enumerate(body, start=1) if isinstance(item, Mapping)}
    if given == wanted and named != set(template.placeholders()):
        yield Problem(132000, f"body: the parameters are {', '.join(template.placeholders())}")
    if given != wanted:
        yield Problem(132000, f"body: number of localizable_params ({given}) does not match the expected number ({wanted})")
    if sum(str(item.get("type")).lower() == "button" for item in components) > len(template.buttons):
        yield Problem(132000, f"buttons: the template has {len(template.buttons)}")


def _component(component: Mapping[str, object]) -> Iterator[Problem]:
    kind = str(component.get("type", "")).lower()
    parameters = component.get("parameters", [])
    if not isinstance(parameters, list) or not all(isinstance(item, Mapping) for item in parameters):
        yield Problem(100, f"{kind}.parameters must be a list of objects.")
        return
    match kind:
        case "header" | "body":
            for parameter in parameters:
                yield from _parameter(parameter, kind)
            if kind == "body" and sum(len(str(item.get("text", ""))) for item in parameters) > BODY_LIMIT:
                yield Problem(132005, f"body text is longer than {BODY_LIMIT} characters")
        case "button":
            yield from _button(component, parameters)
        case _:
            yield Problem(100, f"Unknown component type {kind!r}.")


def _parameter(parameter: Mapping[str, object], where: str) -> Iterator[Problem]:
    kind = parameter.get("type")
    value = parameter.get(str(kind))
    if kind == "text":
        if not isinstance(value, str) or not value:
            yield Problem(131008, f"Parameter of type text is missing text value in {where}.")
        elif _UNPRINTABLE.search(value):
            yield Problem(132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces")
    elif kind in _MEDIA and where == "header":
        link = value.get("link") if isinstance(value, Mapping) else None
        has_id = isinstance(value, Mapping) and "id" in value
        if not has_id and not (isinstance(link, str) and re.match(r"https?://", link)):
            yield Problem(131009, f"{kind} needs an id or an http(s) link.")
    elif kind not in ("currency", "date_time"):
        yield Problem(132012, f"Parameter format does not match format in the created template: {where} has {kind!r}.")


def _button(component: Mapping[str, object], parameters: list[Mapping[str, object]]) -> Iterator[Problem]:
    sub_type, index = str(component.get("sub_type", "")).lower(), str(component.get("index", ""))
    if sub_type not in _SUB_TYPES:
        yield Problem(131008, "button needs a sub_type.")
    if not (index.isdigit() and int(index) < BUTTONS):
        yield Problem(131009, f"button index must be 0 to {BUTTONS - 1}.")
    wanted = "payload" if sub_type == "quick_reply" else "text"
    for parameter in parameters:
        value = parameter.get(wanted)
        if sub_type in ("url", "quick_reply") and (parameter.get("type") != wanted or not isinstance(value, str) or not value):
            yield Problem(131008, f"A {sub_type} button needs a parameter of type {wanted}.")
        elif sub_type == "url" and len(str(value)) > URL_LIMIT:
            yield Problem(132005, f"button url is longer than {URL_LIMIT} characters")


def _parameters(component: Mapping[str, object]) -> list[object]:
    parameters = component.get("parameters", [])
    return parameters if isinstance(parameters, list) else []
