"""The frame of every mail: one column of at most 600 px, built of tables because Outlook knows nothing else."""

from __future__ import annotations

import html
from collections.abc import Mapping

from channels.email.shield import escape

# Rendered values are escaped, so no person's data can contain this comment.
FOOTER = "<!--footer-->"
UNSUBSCRIBE = {"id": "Berhenti berlangganan", "en": "Unsubscribe"}
PREFERENCES = {"id": "Atur preferensi", "en": "Preferences"}
DEFAULT_LOCALE = "id"
_FONT = "font-family:Arial,Helvetica,sans-serif"
_TABLE = 'role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
_LETTER = "padding:24px 24px 8px;overflow-wrap:break-word;word-break:break-word"
_HIDDEN = "display:none;max-height:0;overflow:hidden;opacity:0"
# Inlined styles are for light; readers that prefer dark and let us say how (Apple Mail, Outlook on phones) get these.
# No "{" is followed by "#" in here: to Jinja that would begin a comment.
_DARK = (
    "@media (prefers-color-scheme:dark){.page{background:#0d1117!important}.card{background:#161b22!important;color:#e6edf3!important}"
    ".card a{color:#79b8ff!important}.card a.button{background:#1f6feb!important;color:#ffffff!important}"
    ".card blockquote{color:#9aa4af!important}.card hr,.card th,.card td[style*=border],.card blockquote{border-color:#3d444d!important}"
    ".card .quiet,.card .quiet a{color:#9aa4af!important}.card img{background:#21262d!important;color:#c9d1d9!important}}"
)
# Outlook on Windows knows no max-width.
_OUTLOOK = (
    '<!--[if mso]><table role="presentation" width="600" align="center"><tr><td><![endif]-->',
    "<!--[if mso]></td></tr></table><![endif]-->",
)


def page(subject: str, body: str, preheader: str | None, image: str | None, image_alt: str | None) -> str:
    """A whole HTML document around a body that is HTML already. All others are templates of plain text."""
    hidden = f'<div style="{_HIDDEN}">{escape(preheader)}</div>' if preheader else ""
    poster = _poster(image, image_alt or "") if image else ""
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta name="color-scheme" content="light dark"><meta name="supported-color-schemes" content="light dark">'
        f"<title>{escape(subject)}</title>\n<style>{_DARK}</style></head>\n"
        f'<body class="page" style="margin:0;padding:0;background:#f4f5f7">{hidden}\n'
        f'<table {_TABLE}><tr><td align="center" style="padding:16px">{_OUTLOOK[0]}\n'
        f'<table {_TABLE} class="card" style="max-width:600px;background:#ffffff;{_FONT};font-size:16px;color:#1f2328">\n'
        f'{poster}<tr><td align="left" style="{_LETTER}">\n{body}</td></tr>\n{FOOTER}</table>\n'
        f"{_OUTLOOK[1]}</td></tr></table>\n</body></html>"
    )


def footer_html(url: str, locale: str, preferences: str | None = None) -> str:
    links = [(_label(UNSUBSCRIBE, locale), url)] + ([(_label(PREFERENCES, locale), preferences)] if preferences else [])
    shown = " &middot; ".join(f'<a href="{html.escape(link)}" style="color:#57606a">{label}</a>' for label, link in links)
    return f'<tr><td class="quiet" align="center" style="padding:16px 24px;{_FONT};font-size:12px;color:#57606a">{shown}</td></tr>\n'


def footer_text(url: str, locale: str, preferences: str | None = None) -> str:
    more = f"\n{_label(PREFERENCES, locale)}: {preferences}" if preferences else ""
    return f"\n\n-- \n{_label(UNSUBSCRIBE, locale)}: {url}{more}"


def _poster(image: str, alt: str) -> str:
    # With images off the description stands there instead, and is to be read as one.
    style = "display:block;width:100%;max-width:600px;height:auto;border:0;background:#eaeef2;color:#57606a;line-height:2;text-align:center"
    return f'<tr><td><img src="{escape(image)}" alt="{escape(alt)}" width="600" style="{style}"></td></tr>\n'


def _label(labels: Mapping[str, str], locale: str) -> str:
    return labels.get(locale[:2], labels[DEFAULT_LOCALE])
