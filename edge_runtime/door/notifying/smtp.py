"""An e-mail by SMTP (RFC 5321), as much of it as a hostile server may have."""

import smtplib
import socket
import ssl
from email.message import EmailMessage
from typing import Final

from edge_runtime.core import printable
from edge_runtime.door.notify_settings import NotifySettings, server_of
from edge_runtime.door.notifying.lines import DeliveryError, connected, encrypted, reason

MOST_LINES: Final = 100
"""Of an answer; RFC 5321 section 4.5.3.1 knows no limit, and servers say a dozen."""
_LINE: Final = 8192
"""Bytes of a line; 512 in RFC 5321 section 4.5.3.1.5."""
_PERMANENT: Final = 500
"""From here on a code means never, RFC 5321 section 4.2.1."""


class _Client(smtplib.SMTP):
    """On a connection that is there, with answers that end."""

    def __init__(self, line: socket.socket, host: str) -> None:
        self._line = line
        super().__init__(host, 1, local_hostname="[127.0.0.1]")  # no look-up of our own name

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        del host, port, timeout
        return self._line

    def getreply(self) -> tuple[int, bytes]:
        """Read an answer, a bounded one."""
        if self.file is None:
            self.file = self.sock.makefile("rb")  # type: ignore[union-attr]  # it is connected
        said = []
        for _ in range(MOST_LINES):
            line = self.file.readline(_LINE + 1)
            if not line:
                raise smtplib.SMTPServerDisconnected("it ended the connection")
            if len(line) > _LINE or not line[:3].isdigit():
                break
            said.append(line[4:].strip(b" \t\r\n"))
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(said)
        raise smtplib.SMTPServerDisconnected("it does not speak SMTP")

    def converse(
        self, settings: NotifySettings, message: EmailMessage, password: str, context: ssl.SSLContext | None
    ) -> str:
        """Say what is to be said; returns and raises as `send_mail`, and what smtplib raises."""
        self.ehlo()
        if settings.security == "starttls":
            if not self.has_extn("starttls"):
                raise DeliveryError("it does not offer STARTTLS: nothing was sent")
            self.starttls(context=context)
            self.ehlo()
        if settings.username:
            try:
                self.login(settings.username, password)
            except smtplib.SMTPAuthenticationError as error:
                # What it says with it may be what we said.
                raise DeliveryError(f"user name or password is refused ({error.smtp_code})") from error
            except smtplib.SMTPNotSupportedError as error:
                raise DeliveryError("it takes no password: nothing was sent") from error
        refused = self.send_message(message, settings.sender, settings.to)
        return f"took it, but not for {len(refused)} of {len(settings.to)} recipients" if refused else ""


def send_mail(
    settings: NotifySettings, message: EmailMessage, password: str, context: ssl.SSLContext | None
) -> str:
    """Send it. Returns what is to be said of a server that took it: recipients that it refused, say; else an
    empty text. Raises DeliveryError."""
    host, port = server_of(settings.smtp)
    try:
        with connected(host, port) as line:
            secure = settings.security == "tls" and context is not None
            client = _Client(encrypted(line, context, host) if secure and context else line, host)
            try:
                return client.converse(settings, message, password, context)
            finally:
                client.close()
    except smtplib.SMTPResponseException as error:
        raise _refusal(error, password) from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _ in error.recipients.values()})
        what = f"no recipient is taken ({', '.join(map(str, codes))})"
        raise DeliveryError(what, never=min(codes) >= _PERMANENT) from error
    except smtplib.SMTPException as error:
        raise DeliveryError(f"it ended the conversation ({type(error).__name__})") from error
    except OSError as error:
        raise DeliveryError(f"the connection failed ({reason(error)})") from error
    except (ValueError, UnicodeError) as error:
        raise DeliveryError(f"no e-mail can be made of it ({type(error).__name__})", never=True) from error


def _refusal(error: smtplib.SMTPResponseException, password: str) -> DeliveryError:
    said = error.smtp_error
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    hidden = bool(password) and password in text
    shown = "" if hidden else f": {printable(' '.join(text.split()), 200)}"
    return DeliveryError(f"refused with {error.smtp_code}{shown}", never=error.smtp_code >= _PERMANENT)
