"""What every answer of the page carries, and what a refusal is. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from starlette.responses import JSONResponse, Response

from edge_runtime.core import AccessError, BusyError, EdgeError, UnavailableError
from edge_runtime.page.asking import error_body

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Content Security Policy, level 3: nothing from elsewhere, nothing inline, no text that becomes code."""
SAFE: Final = [
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
    }.items()
]
_STATUS: Final = ((AccessError, 403), (BusyError, 503), (UnavailableError, 503))


def answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON that nobody keeps."""
    return safe(JSONResponse(body, status, {"cache-control": "no-store", **(headers or {})}))


def refusal(status: int, what: str, remedy: str = "") -> Response:
    """Why something is not done."""
    return answer({"what": what, "remedy": remedy}, status)


def refusal_of(error: EdgeError) -> Response:
    """The same of an error, in its own words."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 409)
    return answer(error_body(error), status)


def safe(response: Response) -> Response:
    """The response with what every answer carries."""
    response.raw_headers.extend(SAFE)
    return response
