"""What a channel must be like: its name, its address, what may go there. No database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from email_validator import EmailNotValidError, validate_email

from core.bounds import bounded_text
from core.cache.channel_rows import Channel
from core.messages.apprise_session import AddressError, service_of
from core.messages.routes import KINDS, MAIL, ROUTES
from core.messages.smtp_session import PORTS
from core.messages.webhook_session import is_safe_address, key_bytes
from core.name_key import plain
from core.problems import Problem
from core.text_files import shown

LONGEST_NAME, LONGEST_ADDRESS, LONGEST_SECRET, MOST_RECIPIENTS = 60, 2_000, 1_000, 20
NEEDED_SECRET = {"apprise": ("url",), "webhook": ("url", "key"), "smtp": ()}
MINUTES_A_DAY = 24 * 60


def faults_of(channel: Channel, secret: Mapping[str, str] | None) -> Iterator[tuple[str, Problem]]:
    """Yield the faults as (field, problem); `secret` None: the stored one stays."""
    if not channel.name or len(channel.name) > LONGEST_NAME:
        yield "name", Problem("channel.name", {"most": str(LONGEST_NAME)})
    if channel.kind not in KINDS:
        yield "kind", Problem("channel.kind_unknown", {"value": shown(channel.kind)})
        return
    if unknown := [route for route in channel.routes if route not in ROUTES]:
        yield "routes", Problem("channel.route_unknown", {"value": shown(unknown[0])})
    if MAIL in channel.routes and channel.kind != "smtp":
        yield "routes", Problem("channel.only_mail")
    if not 0 <= channel.digest_at < MINUTES_A_DAY:
        yield "digest_at", Problem("channel.time")
    if channel.kind == "smtp":
        yield from _smtp_faults(channel, secret)
    elif secret is not None:
        yield from _address_faults(channel.kind, secret)


def _smtp_faults(channel: Channel, secret: Mapping[str, str] | None) -> Iterator[tuple[str, Problem]]:
    config = channel.config
    host, port, security = config.get("host"), config.get("port"), config.get("security")
    if not _is_host(str(host or "")):
        yield "host", Problem("channel.host", {"value": shown(str(host or ""))})
    if not isinstance(port, int) or not 1 <= port <= 65_535:
        yield "port", Problem("channel.port")
    if security not in PORTS:
        yield "security", Problem("channel.security")
    elif security == "none" and (config.get("user") or (secret or {}).get("password")):
        yield "user", Problem("message.no_plain_password", {"channel": channel.name})
    if not is_address(str(config.get("sender") or "")):
        yield "sender", Problem("channel.sender", {"value": shown(str(config.get("sender") or ""))})
    if len(channel.recipients) > MOST_RECIPIENTS:
        yield "recipients", Problem("channel.many_recipients", {"most": str(MOST_RECIPIENTS)})
    wrong = [address for address in channel.recipients if not is_address(address)]
    if wrong:
        yield "recipients", Problem("channel.recipient", {"value": shown(wrong[0])})
    elif not channel.recipients and set(channel.routes) - {MAIL}:
        yield "recipients", Problem("channel.no_recipients")


def _address_faults(kind: str, secret: Mapping[str, str]) -> Iterator[tuple[str, Problem]]:
    url = secret.get("url", "")
    if not url or len(url) > LONGEST_ADDRESS:
        yield "url", Problem("channel.address_missing")
    elif kind == "webhook":
        if not is_safe_address(url):
            yield "url", Problem("channel.webhook_address")
    else:
        try:
            service_of(url)
        except AddressError as error:
            yield "url", Problem(f"channel.apprise_{error}")
    if kind == "webhook":
        try:
            key_bytes(secret.get("key", ""))
        except ValueError:
            yield "key", Problem("channel.key")


def is_address(text: str) -> bool:
    """Return True if the text is an address of e-mail."""
    try:
        validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return False
    return True


def _is_host(host: str) -> bool:
    return bool(host) and len(host) <= 253 and not set(host) & set(" /@\\\"'<>,;") and host.isprintable()


def shown_config(kind: str, config: Mapping[str, Any], secret: Mapping[str, str]) -> dict[str, Any]:
    """Return the config with what may be shown of a secret address: the service, or the host of a webhook."""
    if kind == "apprise":
        return {"service": service_of(secret["url"])}
    if kind == "webhook":
        return {"host": urlsplit(secret["url"]).hostname or ""}
    return dict(config)


def cleaned_name(name: str) -> str:
    """Return the name as it is stored."""
    return bounded_text(plain(name), LONGEST_NAME + 1)
