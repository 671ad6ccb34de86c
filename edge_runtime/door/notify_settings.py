"""Settings of e-mails and webhooks, by `edge-runtime notify`. Frozen and free of I/O."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from edge_runtime.core import AlarmKind, OneOf, check_host, check_topic_level, check_within, is_this_machine

_ADDRESS: Final = re.compile(r"[!-?A-~]{1,64}@[0-9A-Za-z.-]{1,189}")
"""RFC 5321 section 4.5.3.1, without what has to be quoted there."""
_NOT_IN_ADDRESS: Final = frozenset('()<>[]:;,\\"')
"""RFC 5322 section 3.2.3: they would mean something in a header."""
_SIX: Final = r"\[(?P<six>[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]"
_SERVER: Final = re.compile(rf"({_SIX}|(?P<host>[^:\[\]]+)):(?P<port>\d{{1,5}})")
_URL: Final = re.compile(
    rf"(?P<scheme>https?)://({_SIX}|(?P<host>[^:/?#\[\]@]+))(:(?P<port>\d{{1,5}}))?(?P<path>(/[!-~]*)?)"
)
_MOST_RECIPIENTS: Final = 20
_LONGEST: Final = 2000
"""Characters of a URL: what servers commonly take."""
_LAST_PORT: Final = 65535
_DAY_S: Final = 86400
_LEAST_WAIT_S: Final = 0.001
"""Leaves room for tests."""
SECURITIES: Final = ("starttls", "tls", "none")


@dataclass(frozen=True, slots=True)
class NotifySettings:
    """Somebody who is told of alarms by e-mail or HTTPS POST, by a process of its own."""

    name: str
    """What it is called in the log and in what the doctor says."""
    smtp: str = ""
    """Server and port for e-mail, such as `mail.plant.example:587`."""
    security: Annotated[str, OneOf(SECURITIES)] = "starttls"
    """How the way there is encrypted: `starttls` (usual on port 587), `tls` (465) or `none`, which only stays
    on this gateway unless `accept_insecure`. A server that does not offer it gets nothing."""
    sender: str = ""
    """Address that the e-mail is from."""
    to: tuple[str, ...] = ()
    """Addresses that it goes to, 20 at most."""
    username: str = ""
    """For the server; empty where it wants none."""
    password_file: Path | None = None
    """Its first line is the password; readable by its owner alone."""
    url: str = ""
    """Where a webhook is sent instead of an e-mail."""
    url_file: Path | None = None
    """Its first line is that, for addresses that are themselves a secret; readable by its owner alone."""
    token_file: Path | None = None
    """Its first line is sent with a webhook as `Authorization: Bearer`; readable by its owner alone."""
    ca_file: Path | None = None
    """PEM of the authorities that may sign the server, instead of the system's."""
    accept_insecure: bool = False
    """Send without encryption to another machine, readable for everybody in between."""
    kinds: tuple[str, ...] = tuple(map(str, AlarmKind))
    """Of which kinds of alarms it is told."""
    ends: bool = True
    """Whether it is told that they are over, too."""
    # A minute is soon enough for a second word on one thing; hourly is what people bear for days.
    fold_s: tuple[float, float] = (60.0, 3600.0)
    """Seconds between two messages on one kind of alarm of one sensor: at first, then twice as long each time
    while they go on, at most. What happens meanwhile is in the next."""
    # Those of a plant for weeks; about 1 MB.
    most_waiting: int = 1000
    """Alarms' events that wait for its server, at most; then the oldest are dropped and counted."""
    # As long as a weekend: older alarms have been seen, and are in the history.
    max_age_h: float = 72.0
    """Hours of service after which what waits is dropped and counted."""
    # Sooner than people ask, and few enough attempts for an outage of days.
    backoff_s: tuple[float, float] = (5.0, 300.0)
    """Seconds before the next attempt at a server that cannot be reached or refuses: first, longest."""

    def __post_init__(self) -> None:
        """Raise ValueError for a value that is out of range or contradicts another."""
        check_topic_level("name", self.name)
        given = [name for name in ("smtp", "url", "url_file") if getattr(self, name)]
        if len(given) != 1:
            raise ValueError("name: give one of smtp, url and url_file, and no other")
        if self.smtp:
            self._check_mail()
        elif mail := [name for name in ("sender", "to", "username", "password_file") if getattr(self, name)]:
            raise ValueError(f"{mail[0]} is for e-mail, and this is a webhook")
        if self.url:
            check_url(self.url, accept_insecure=self.accept_insecure)
        if unknown := set(self.kinds) - set(AlarmKind):
            raise ValueError(f"kinds has {sorted(unknown)[0][:40]!r}, known are {', '.join(AlarmKind)}")
        if not self.kinds:
            raise ValueError("kinds is empty: name one at least")
        check_within(self, 1, 10**5, "most_waiting")
        check_within(self, 1e-6, 24 * 366, "max_age_h")
        for name in ("fold_s", "backoff_s"):
            first, longest = getattr(self, name)
            if not _LEAST_WAIT_S <= first <= longest <= _DAY_S:
                least = f"from {_LEAST_WAIT_S} to {_DAY_S}"
                raise ValueError(f"{name} is {(first, longest)}, must be two rising numbers {least}")

    def _check_mail(self) -> None:
        host, _ = server_of(self.smtp)
        if self.security == "none" and not (self.accept_insecure or is_this_machine(host)):
            raise ValueError("security is 'none', so that everybody in between reads it: set accept_insecure")
        if not self.to or len(self.to) > _MOST_RECIPIENTS:
            raise ValueError(f"to has {len(self.to)} addresses, must have 1 to {_MOST_RECIPIENTS}")
        for name, address in (("sender", self.sender), *(("to", each) for each in self.to)):
            if not _ADDRESS.fullmatch(address) or _NOT_IN_ADDRESS & set(address):
                raise ValueError(f"{name} has {address[:80]!r}, which is no plain address as name@host")
        if bool(self.username) != (self.password_file is not None):
            raise ValueError("username and password_file belong together, give both or neither")
        if self.token_file is not None:
            raise ValueError("token_file is for webhooks, and this is e-mail")
        if not self.username.isprintable() or len(self.username) > _LONGEST:
            raise ValueError("username holds characters that no server takes")


def server_of(text: str) -> tuple[str, int]:
    """Host and port. Raises ValueError, beginning with `smtp`, for anything else."""
    found = _SERVER.fullmatch(text)
    if found is None or not 1 <= int(found["port"]) <= _LAST_PORT:
        raise ValueError(f"smtp is {text[:80]!r}, must be as in mail.plant.example:587")
    host = found["six"] or found["host"]
    try:
        check_host(host)
    except ValueError as error:
        raise ValueError(f"smtp is {text[:80]!r}: {error}") from error
    return host, int(found["port"])


@dataclass(frozen=True, slots=True)
class HookAddress:
    """The parts of a webhook's URL."""

    tls: bool
    host: str
    port: int
    path: str
    """With what is asked for behind a question mark."""


def check_url(text: str, *, accept_insecure: bool) -> HookAddress:
    """The parts of a webhook's address. Raises ValueError, which never quotes it: it may be a secret."""
    found = _URL.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise ValueError("url is not as in https://host/path, in ASCII and without a name before the host")
    host, tls = found["six"] or found["host"], found["scheme"] == "https"
    port = int(found["port"] or (443 if tls else 80))
    try:
        check_host(host)
    except ValueError:
        raise ValueError("url has no host that a name server could know") from None
    if not 1 <= port <= _LAST_PORT:
        raise ValueError("url has a port that there is not")
    if not (tls or accept_insecure or is_this_machine(host)):
        raise ValueError("url is not https, so that everybody in between reads it: set accept_insecure")
    return HookAddress(tls, host, port, found["path"].partition("#")[0] or "/")
