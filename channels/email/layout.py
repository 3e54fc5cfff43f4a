"""The frame of every mail: one column of at most 600 px, built of tables because Outlook knows nothing else."""

from __future__ import annotations

import html

from channels.email.shield import escape

# Rendered values are escaped, so no person's data can contain this comment.
FOOTER = "<!--footer-->"
UNSUBSCRIBE = {"id": "Berhenti berlangganan", "en": "Unsubscribe"}
DEFAULT_LOCALE = "id"
_FONT = "font-family:Arial,Helvetica,sans-serif"
_TABLE = 'role="presentation" width="100%" cellpadding="0" cellspacing="0" border="0"'
_HIDDEN = "display:none;max-height:0;overflow:hidden;opacity:0"


def page(body: str, preheader: str | None, image: str | None, image_alt: str | None) -> str:
    """A whole HTML document around a body that is HTML already. The other three are templates of plain text."""
    hidden = f'<div style="{_HIDDEN}">{escape(preheader)}</div>' if preheader else ""
    poster = _poster(image, image_alt or "") if image else ""
    return (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"></head>\n'
        f'<body style="margin:0;padding:0;background:#f4f5f7">{hidden}\n'
        f'<table {_TABLE}><tr><td align="center" style="padding:16px">\n'
        f'<table {_TABLE} style="max-width:600px;background:#ffffff;{_FONT};font-size:16px;color:#1f2328">\n'
        f'{poster}<tr><td align="left" style="padding:24px">\n{body}</td></tr>\n{FOOTER}</table>\n'
        "</td></tr></table>\n</body></html>"
    )


def footer_html(url: str, locale: str) -> str:
    link = f'<a href="{html.escape(url)}" style="color:#57606a">{_label(locale)}</a>'
    return f'<tr><td align="center" style="padding:16px 24px;{_FONT};font-size:12px;color:#57606a">{link}</td></tr>\n'


def footer_text(url: str, locale: str) -> str:
    return f"\n\n-- \n{_label(locale)}: {url}"


def _poster(image: str, alt: str) -> str:
    style = "display:block;width:100%;max-width:600px;height:auto;border:0"
    return f'<tr><td><img src="{escape(image)}" alt="{escape(alt)}" width="600" style="{style}"></td></tr>\n'


def _label(locale: str) -> str:
    return UNSUBSCRIBE.get(locale[:2], UNSUBSCRIBE[DEFAULT_LOCALE])
