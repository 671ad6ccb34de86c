"""What people are told of alarms by e-mail and webhook. Pure; the service loads nothing of it."""

from edge_runtime.messages.notify.mail import mail_message
from edge_runtime.messages.notify.news import News, news_of
from edge_runtime.messages.notify.webhook import webhook_body
from edge_runtime.messages.notify.words import Gateway, subject, text

__all__ = ["Gateway", "News", "mail_message", "news_of", "subject", "text", "webhook_body"]
