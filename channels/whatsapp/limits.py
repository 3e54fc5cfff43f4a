"""What Meta lets a template have: https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates/components."""

from __future__ import annotations

BODY_LIMIT = 1024
FOOTER_LIMIT = 60
HEADER_LIMIT = 60
LABEL_LIMIT = 25
URL_LIMIT = 2000
BUTTONS = 10
URL_BUTTONS = 2
