"""Open the session of a channel by its kind."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Engine

from core.cache.channel_rows import Channel
from core.cache.secret_rows import CHANNEL
from core.messages.apprise_session import AppriseSession
from core.messages.delivery import Network, Session
from core.messages.smtp_session import SmtpSession
from core.messages.webhook_session import WebhookSession
from core.secrets.stored_secrets import unseal


def open_session(engine: Engine, channel: Channel, network: Network) -> Session:
    """Return an open session. Raises ChannelDown, SecretError."""
    secret = secret_of(engine, channel)
    if channel.kind == "webhook":
        return WebhookSession(channel, str(secret.get("url", "")), str(secret.get("key", "")), network)
    if channel.kind == "apprise":
        return AppriseSession(channel, str(secret.get("url", "")), network)
    return SmtpSession(channel, str(secret.get("password", "")), network)


def secret_of(engine: Engine, channel: Channel) -> dict[str, Any]:
    """Return what is secret of the channel. Raises SecretError."""
    if not channel.secret:
        return {}
    secret: dict[str, Any] = json.loads(unseal(engine, CHANNEL, channel.channel_id, channel.secret))
    return secret
