"""The few pages people see, in Indonesian with a line of English; nothing personal in them, nothing loaded from anywhere."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from fastapi.responses import HTMLResponse

_STYLE = (
    "body{font:17px/1.55 system-ui,sans-serif;color:#1c2430;background:#f5f6f8;margin:0}"
    "main{max-width:30rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:12px}"
    "h1{font-size:1.35rem;line-height:1.3;margin:0 0 .8rem}"
    "button{font:inherit;font-weight:600;color:#fff;background:#0b5fbd;border:0;border-radius:8px;padding:.7rem 1.4rem;cursor:pointer}"
    "a{color:#0b5fbd}"
    "fieldset{border:0;margin:0 0 1.2rem;padding:0}legend{font-weight:600;padding:0;margin-bottom:.4rem}"
    "label{display:flex;gap:.7rem;align-items:center;padding:.55rem 0;border-bottom:1px solid #e3e6ea}"
    "input{width:1.25rem;height:1.25rem;margin:0;flex:none;accent-color:#0b5fbd}label span{display:block;color:#5b6675;font-size:.85rem}"
    "p.saved{background:#e6f4ea;border-radius:8px;padding:.7rem 1rem;margin:0 0 1rem}"
    "small{display:block;margin-top:1.4rem;color:#5b6675}"
)
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}
_NAMES = {
    "email": ("email", "email"),
    "whatsapp": ("WhatsApp", "WhatsApp"),
    "push": ("notifikasi aplikasi", "push notification"),
    "popup": ("pesan di dalam aplikasi", "in-app message"),
}
_PAGE = (
    '<!doctype html><html lang="id"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    "<title>{title}</title><style>{style}</style></head><body><main><h1>{title}</h1>{body}"
    '<small lang="en">{english}</small></main></body></html>'
)


def confirm(channel: str, preferences: str) -> HTMLResponse:
    """Asks first; the button posts to the same address. preferences: the address of that page."""
    name, english = channel_name(channel)
    return page(
        f"Berhenti menerima penawaran lewat {name}?",
        f"<p>Kami tidak akan lagi mengirim penawaran dan promosi lewat {name} kepada Anda. Informasi penting tentang rekening dan "
        'layanan Anda tetap kami sampaikan.</p><form method="post"><button type="submit">Ya, berhenti berlangganan</button></form>'
        f"{_other_channels(preferences)}",
        f"Press the button to stop receiving offers by {english}. Messages about your account are not affected.",
    )


def done(channel: str, preferences: str) -> HTMLResponse:
    name, english = channel_name(channel)
    return page(
        "Permintaan Anda sudah kami catat",
        f"<p>Anda tidak akan lagi menerima penawaran dan promosi dari kami lewat {name}. Terima kasih.</p>{_other_channels(preferences)}",
        f"You have been unsubscribed: no more offers by {english}.",
    )


def not_found() -> HTMLResponse:
    return page(
        "Tautan ini tidak berlaku",
        "<p>Pastikan tautan tersalin lengkap dari pesan yang Anda terima, lalu coba sekali lagi.</p>",
        "This link is not valid. Please check that it was copied in full.",
        status=404,
    )


def only_a_test() -> HTMLResponse:
    """For the links of a letter that `kabar send-test` made."""
    return page(
        "Ini hanya pesan uji",
        "<p>Tautan ini berasal dari pesan uji, sehingga tidak ada yang diubah. Pada pesan kepada nasabah, tautan ini bekerja "
        "seperti biasa.</p>",
        "This link comes from a test message: nothing was changed.",
    )


def _other_channels(preferences: str) -> str:
    return f'<p><a href="{escape(preferences)}">Atur preferensi</a></p>'


def channel_name(channel: str) -> tuple[str, str]:
    """In Indonesian and in English, as HTML."""
    return _NAMES.get(channel, (escape(channel), escape(channel)))


def page(title: str, body: str, english: str, status: int = 200) -> HTMLResponse:
    """title: plain. body, english: HTML."""
    return HTMLResponse(_PAGE.format(title=title, style=_STYLE, body=body, english=english), status, headers=_HEADERS)
