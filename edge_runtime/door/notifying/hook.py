"""A webhook by HTTP POST; redirections are not followed, so that no secret goes where nobody sent it."""

import http.client
import ssl
from typing import Final

from edge_runtime.core import VERSION
from edge_runtime.door.notify_settings import HookAddress
from edge_runtime.door.notifying.lines import DeliveryError, connected, encrypted, reason

_LATER: Final = (401, 403, 404, 405, 407, 408, 425, 429)
"""Refusals that are not of this one message: an address or a right is wrong, or it is too early."""
_REFUSED: Final = 400
_BROKEN: Final = 500


def post(address: HookAddress, body: bytes, token: str, context: ssl.SSLContext | None) -> None:
    """Send it. Raises DeliveryError unless the server says that it has it (any 2xx)."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"steadyhum/{VERSION}",
        "Connection": "close",
    }
    if token:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with connected(address.host, address.port) as line:
            client = http.client.HTTPConnection(address.host, address.port)
            client.sock = encrypted(line, context, address.host) if context else line
            try:
                client.request("POST", address.path, body, headers)
                status = client.getresponse().status
            finally:
                client.close()
    except OSError as error:
        raise DeliveryError(f"the connection failed ({reason(error)})") from error
    except (http.client.HTTPException, ValueError) as error:  # a line or a header that is none
        raise DeliveryError(f"it does not speak HTTP ({type(error).__name__})") from error
    if not 200 <= status < 300:
        never = _REFUSED <= status < _BROKEN and status not in _LATER
        raise DeliveryError(f"refused with {status}", never=never)
