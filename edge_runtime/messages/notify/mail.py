"""News as an e-mail: plain text, its headers made by the standard library, which refuses line breaks."""

from collections.abc import Sequence
from email.message import EmailMessage
from email.policy import SMTP

from edge_runtime.messages.notify.news import News
from edge_runtime.messages.notify.words import Gateway, subject, text


def mail_message(
    gateway: Gateway, news: Sequence[News], addresses: Sequence[str], delivery: str, date: str
) -> EmailMessage:
    """Make it, from the first address to the others.

    `delivery` names it, the same when it is sent again, and `date` is as RFC 5322 has it.

    What tells of one alarm is a thread of its own: mail readers put it together by `References`.
    """
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"] = addresses[0], ", ".join(addresses[1:])
    message["Subject"], message["Date"] = subject(gateway, news), date
    message["Message-ID"] = f"<{delivery}@steadyhum.invalid>"
    if len({each.alarm for each in news}) == 1:
        # Ids are ours and of plain letters; of any other text a header gets those alone.
        alarm = "".join(char for char in news[0].alarm if char.isascii() and char.isalnum())
        message["References"] = f"<alarm-{alarm}@steadyhum.invalid>"
    # RFC 3834: no answer that one is on holiday.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text(gateway, news))
    return message
