"""What browsers load: the files in `static/`, read once, each with its digest."""

import hashlib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from starlette.responses import Response

from edge_runtime.page.answers import safe
from edge_runtime.page.visit import Visit

TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file."""

    name: str
    body: bytes
    kind: str
    tag: str
    """An ETag: browsers ask each time, and load what has changed."""

    async def __call__(self, visit: Visit) -> Response:
        """Send it, or that it is as it was."""
        headers = {"etag": self.tag, "cache-control": "no-cache"}
        if visit.request.headers.get("if-none-match") == self.tag:
            return safe(Response(None, 304, headers))
        return safe(Response(self.body, 200, {**headers, "content-type": self.kind}))


def assets() -> dict[str, Asset]:
    """All of them, by their paths."""
    found = {}
    for file in files("edge_runtime.page").joinpath("static").iterdir():
        kind = TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            body = file.read_bytes()
            asset = Asset(file.name, body, kind, f'"{hashlib.sha256(body).hexdigest()[:32]}"')
            found["/" if file.name == "index.html" else f"/{file.name}"] = asset
    return found
