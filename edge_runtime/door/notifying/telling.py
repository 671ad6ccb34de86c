"""One message to one destination, by e-mail or webhook: `tell`."""

import time
from collections.abc import Sequence
from email.utils import formatdate

from edge_runtime.core import EdgeError, read_secret_line
from edge_runtime.door.notify_settings import NotifySettings, check_url
from edge_runtime.door.notifying.hook import post
from edge_runtime.door.notifying.lines import DeliveryError, tls_context
from edge_runtime.door.notifying.smtp import send_mail
from edge_runtime.messages.notify import Gateway, News, mail_message, webhook_body


def tell(settings: NotifySettings, gateway: Gateway, news: Sequence[News], delivery: str) -> str:
    """Send it now; returns what is to be said of it, usually nothing. Raises DeliveryError.

    Secrets are read each time: whoever changes a password needs to restart nothing.
    """
    try:
        if settings.smtp:
            password = ""
            if settings.password_file is not None:
                password = read_secret_line(settings.password_file, "password")
            context = None if settings.security == "none" else tls_context(settings.ca_file)
            addresses = settings.sender, *settings.to
            mail = mail_message(gateway, news, addresses, delivery, formatdate(time.time()))
            return send_mail(settings, mail, password, context)
        token = "" if settings.token_file is None else read_secret_line(settings.token_file, "token")
        url = settings.url
        if settings.url_file is not None:
            url = read_secret_line(settings.url_file, "address")
        address = check_url(url, accept_insecure=settings.accept_insecure)
        context = tls_context(settings.ca_file) if address.tls else None
        post(address, webhook_body(gateway, news, delivery), token, context)
    except EdgeError as error:
        raise DeliveryError(str(error)) from error
    except ValueError as error:  # of what is in `url_file`, which it does not quote
        raise DeliveryError(str(error)) from error
    return ""


def check_secrets(settings: NotifySettings) -> None:
    """Read what `tell` would, without connecting. Raises EdgeError, and ValueError for what is no address."""
    for file, what in ((settings.password_file, "password"), (settings.token_file, "token")):
        if file is not None:
            read_secret_line(file, what)
    if settings.url_file is not None:
        check_url(read_secret_line(settings.url_file, "address"), accept_insecure=settings.accept_insecure)
    tls_context(settings.ca_file)
