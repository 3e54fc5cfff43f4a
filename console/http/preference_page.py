"""The preference page: a switch a channel, and the hours. Nothing on it says whose it is."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.responses import HTMLResponse

from console.http.pages import channel_name, page
from jobs.preferences import ANY, OWN, hours_name
from store.preferences import Chosen

# The form's fields.
CHANGED, OFFERS, OFFERS_BEFORE, HOURS, HOURS_BEFORE = "changed", "offers", "offers_before", "hours", "hours_before"

_HOURS = {
    ANY: ("Kapan saja", "Any time"),
    "mornings": ("Pagi saja, pukul 06.00–11.00", "Mornings only, 06:00–11:00"),
    "weekdays": ("Hari kerja saja, tidak di akhir pekan", "Weekdays only, never on weekends"),
    "weekday-mornings": ("Pagi di hari kerja, pukul 06.00–11.00", "Weekday mornings, 06:00–11:00"),
    OWN: ("Seperti yang sudah diatur", "As arranged with us"),
}


def choices(channels: Sequence[str], chosen: Chosen, *, saved: bool = False) -> HTMLResponse:
    """What is in force, to be changed and posted to the same address."""
    hours = hours_name(chosen)
    offered = [name for name in _HOURS if name != OWN or hours == OWN]
    notice = '<p class="saved" role="status">Pilihan Anda sudah kami simpan.<br><span lang="en">Your choices have been saved.</span></p>'
    before = "".join(_hidden(OFFERS_BEFORE, channel) for channel in channels if channel in chosen.offers)
    return page(
        "Atur preferensi",
        f"{notice if saved else ''}<p>Pilih lewat mana Anda ingin menerima penawaran dan promosi dari kami, dan kapan kami boleh "
        f'menghubungi Anda.</p><form method="post">{_hidden(CHANGED, "1")}{_hidden(HOURS_BEFORE, hours)}{before}'
        f"<fieldset><legend>Penawaran dan promosi</legend>{''.join(_switch(name, name in chosen.offers) for name in channels)}</fieldset>"
        f"<fieldset><legend>Waktu</legend>{''.join(_hour(name, name == hours) for name in offered)}</fieldset>"
        '<button type="submit">Simpan</button></form>'
        "<p>Informasi penting tentang rekening dan layanan Anda tetap kami sampaikan, kapan pun itu perlu.</p>",
        "Choose how we may send you offers and when we may write to you, then press Simpan (save). Important messages about your "
        "account are not affected.",
    )


def _hidden(name: str, value: str) -> str:
    return f'<input type="hidden" name="{name}" value="{value}">'


def _switch(channel: str, on: bool) -> str:
    name, english = channel_name(channel)
    words = name if name == english else f'{name}<span lang="en">{english}</span>'
    return _label("checkbox", OFFERS, channel, words[:1].upper() + words[1:], on=on)


def _hour(name: str, on: bool) -> str:
    words, english = _HOURS[name]
    return _label("radio", HOURS, name, f'{words}<span lang="en">{english}</span>', on=on)


def _label(kind: str, field: str, value: str, words: str, *, on: bool) -> str:
    return f'<label><input type="{kind}" name="{field}" value="{value}"{" checked" if on else ""}><div>{words}</div></label>'
