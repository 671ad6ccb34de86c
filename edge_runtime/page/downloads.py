"""Captures to take away: those of evidence come through the door, recordings from the folder it names."""

import asyncio
import base64
import os
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from starlette.responses import Response, StreamingResponse

from edge_runtime.core import DataError
from edge_runtime.page.answers import safe
from edge_runtime.page.asking import Service

PIECE: Final = 64 * 1024
AT_A_TIME: Final = 4
"""Downloads: a card has other things to do."""
_TYPE: Final = "application/octet-stream"


async def evidence_capture(service: Service, turn: asyncio.Semaphore, wanted: str) -> Response:
    """The bytes of a piece of evidence. Raises EdgeError where there is none."""
    first: dict[str, Any] = await service.ask("evidence.read", {"id": wanted, "at": 0})

    async def pieces() -> AsyncIterator[bytes]:
        at, read = 0, first
        async with turn:
            while data := base64.b64decode(read["data"]):
                yield data
                at += len(data)
                read = await service.ask("evidence.read", {"id": wanted, "at": at})

    return _file(pieces(), f"{first['id']}.frames")


async def recorded_capture(service: Service, turn: asyncio.Semaphore, sensor: str, name: str) -> Response:
    """A capture that the service lists, read where it says it is. Raises EdgeError where it lists none."""
    listed = await service.ask("recording.list", {"sensor": sensor})
    paths = [Path(each["path"]) for each in listed if Path(each["path"]).name == name]
    if not paths:
        raise DataError("there is no such capture", remedy="Look at the list again: it may have been thinned")
    file = await asyncio.to_thread(open_capture, paths[-1])

    async def pieces() -> AsyncIterator[bytes]:
        async with turn:
            with file:
                while data := await asyncio.to_thread(file.read, PIECE):
                    yield data

    return _file(pieces(), name)


def open_capture(path: Path) -> BinaryIO:
    """Open a file and nothing else. Raises DataError where it cannot be read, and for a link."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DataError(
            f"it cannot be read ({error.strerror})", remedy="See `edge-runtime doctor`"
        ) from error
    if stat.S_ISREG(os.fstat(file).st_mode):
        return os.fdopen(file, "rb")
    os.close(file)
    raise DataError("it is no file", remedy="See what lies in the folder of captures")


def _file(pieces: AsyncIterator[bytes], name: str) -> Response:
    shown = "".join(char if char.isalnum() or char in "-_." else "_" for char in name)[:120]
    plain = shown.encode("ascii", "replace").decode().replace("?", "_")
    headers = {"content-disposition": f'attachment; filename="{plain}"', "cache-control": "no-store"}
    return safe(StreamingResponse(pieces, 200, headers, _TYPE))
