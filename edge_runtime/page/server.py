"""The page's process: `python -m edge_runtime.page.server TEXT`, started by `edge-runtime page`."""

import logging
import socket
import sys
from typing import Final

import uvicorn

from edge_runtime.core import UnavailableError, run_command
from edge_runtime.page.asking import Service
from edge_runtime.page.entering import Entering
from edge_runtime.page.entries import Page
from edge_runtime.page.guard import Guard
from edge_runtime.page.protocol import BoundedProtocol
from edge_runtime.page.served import Served

_BACKLOG: Final = 64
_MOST_HEAD_BYTES: Final = 16 * 1024
_log: Final = logging.getLogger("edge_runtime.page")


def listener(served: Served) -> socket.socket:
    """The socket that browsers come to. Raises UnavailableError where that cannot be."""
    family = socket.AF_INET6 if ":" in served.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((served.host, served.port))
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        remedy = "Set `listen` in [page] to an address of this gateway and a free port"
        where = f"{served.host}:{served.port}"
        raise UnavailableError(f"cannot listen ({error.strerror})", where=where, remedy=remedy) from error
    return listening


def server_of(served: Served, service: Service) -> uvicorn.Server:
    """What answers; it is run with a `listener`."""
    entering = Entering(service, served.session_s, tls=bool(served.cert_file))
    guard = Guard(Page(service, entering, served.config), served.scheme, served.hosts)
    config = uvicorn.Config(
        guard,
        http=BoundedProtocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
        h11_max_incomplete_event_size=_MOST_HEAD_BYTES,
        ssl_certfile=served.cert_file or None,
        ssl_keyfile=served.key_file or None,
    )
    return uvicorn.Server(config)


def serve(served: Served) -> None:
    """Serve until a signal ends it."""
    served.check_certificate()
    service = Service(served.sockets)
    server = server_of(served, service)
    with listener(served) as listening:
        _log.warning("the page is at %s", served.address)
        server.run(sockets=[listening])
    service.close()


def main() -> None:
    """Serve by what the command says."""
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    serve(Served.from_text(sys.argv[1]))


if __name__ == "__main__":
    run_command(main, "edge-runtime page")
