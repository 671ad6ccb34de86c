"""News as the JSON body of a webhook."""

import html
from collections.abc import Sequence
from typing import Any, Final

from edge_runtime.messages import encode_json
from edge_runtime.messages.notify.news import News
from edge_runtime.messages.notify.words import Gateway, subject, text

SCHEMA: Final = 1
"""Raised when a member is removed or changes its meaning."""
MOST: Final = 200
"""Events in it, the latest: 300 kB. The text counts all."""
_MENTION: Final = "@\u200b"
"""A sign that a chat takes for somebody's name, and a blank without width that keeps it from that."""


def webhook_body(gateway: Gateway, news: Sequence[News], delivery: str) -> bytes:
    """Make it. `text` is what chats show (Slack, Mattermost): `&`, `<` and `>` are written as in HTML, and
    `@` calls nobody, whatever a sensor is called."""
    body: dict[str, Any] = {
        "schema": SCHEMA,
        "delivery": delivery,
        "site": gateway.site,
        "device": gateway.device,
        "subject": subject(gateway, news),
        "text": html.escape(text(gateway, news), quote=False).replace("@", _MENTION),
        "events": [each.members() for each in news[-MOST:]],
    }
    return encode_json(body)
