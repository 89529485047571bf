"""The fields of a channel's form; the session keeps their values until the form is closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any

import streamlit as st

from core.cache.channel_rows import Channel
from core.messages.channel_rules import LONGEST_ADDRESS, LONGEST_NAME, LONGEST_SECRET
from core.messages.routes import DESK, DIGEST, MAIL
from core.messages.smtp_session import PORTS
from core.texts import language_name, languages
from ui.fault_places import Places
from ui.recipients_field import recipients_field
from ui.texts import text

KEY = "channel_{}"
CONFIG = ("host", "security", "port", "user", "sender", "sender_name")
SECRET_KEYS = {"smtp": ("password",), "apprise": ("url",), "webhook": ("url", "key")}


def fill(channel: Channel) -> None:
    """Fill the fields with the values of `channel`; what is secret stays empty."""
    state = st.session_state
    for name in CONFIG:
        state[KEY.format(name)] = channel.config.get(name, {"security": "starttls", "port": 587}.get(name, ""))
    state[KEY.format("name")], state[KEY.format("language")] = channel.name, channel.language
    state[KEY.format("recipients")] = "\n".join(channel.recipients)
    state[KEY.format("digest_at")] = time(channel.digest_at // 60, channel.digest_at % 60)
    for route in (*DESK, MAIL):
        state[KEY.format(route)] = route in channel.routes
    for name in ("password", "url", "key"):
        state[KEY.format(name)] = ""


def fields(channel: Channel, places: Places) -> tuple[Channel, dict[str, str] | None]:
    """Show the fields; return `channel` with their values, and what is secret: None keeps what is stored."""
    name = _line("name", places, LONGEST_NAME)
    config = _mail_server(places) if channel.kind == "smtp" else dict(channel.config)
    typed = _secret(channel, places)
    recipients = _recipients(places) if channel.kind == "smtp" else ()
    routes, digest_at = _routes(channel, places)
    codes = list(languages())
    language = st.selectbox(text("channel.language"), codes, key=KEY.format("language"), width=200,
                            format_func=language_name)  # fmt: skip
    wanted = replace(
        channel, name=name, config=config, recipients=recipients, routes=routes, digest_at=digest_at,
        language=language or channel.language,
    )  # fmt: skip
    new = not channel.channel_id
    return wanted, typed if new or any(typed.values()) else None


def _line(name: str, places: Places, most: int, **options: Any) -> str:
    typed = st.text_input(text(f"channel.field.{name}"), key=KEY.format(name), max_chars=most, autocomplete="off",
                          **options)  # fmt: skip
    places.below(name)
    return (typed or "").strip()


def _mail_server(places: Places) -> dict[str, Any]:
    first, second, third = st.columns([3, 2, 1])
    with first:
        host = _line("host", places, 253)
    with second:
        security = st.selectbox(text("channel.field.security"), list(PORTS), key=KEY.format("security"),
                                format_func=lambda one: text(f"channel.security.{one}"))  # fmt: skip
        places.below("security")
    with third:
        port = st.number_input(text("channel.field.port"), key=KEY.format("port"), step=1)
        places.below("port")
    left, right = st.columns(2)
    with left:
        sender = _line("sender", places, 254)
    with right:
        sender_name = _line("sender_name", places, 100, placeholder="Lizenztool")
    user = _line("user", places, 254, placeholder=text("channel.without_sign_in"))
    return {"host": host, "port": int(port or 0), "security": security or "", "user": user, "sender": sender,
            "sender_name": sender_name}  # fmt: skip


def _secret(channel: Channel, places: Places) -> dict[str, str]:
    """Show the fields of what is secret; of a stored channel an empty one means that nothing changes."""
    typed = {}
    for name in SECRET_KEYS[channel.kind]:
        made_here = text("channel.key_hint") if name == "key" else ""
        hint = text("channel.unchanged") if channel.channel_id else made_here
        most = LONGEST_ADDRESS if name == "url" else LONGEST_SECRET
        typed[name] = st.text_input(
            text(f"channel.field.{name}_{channel.kind}" if name == "url" else f"channel.field.{name}"),
            key=KEY.format(name), max_chars=most, type="password", autocomplete="new-password", placeholder=hint,
        ) or ""  # fmt: skip
        places.below(name)
    return typed


def _recipients(places: Places) -> tuple[str, ...]:
    recipients = recipients_field(
        text("channel.field.recipients"), KEY.format("recipients"), help=text("channel.recipients_help")
    )
    places.below("recipients")
    return recipients


def _routes(channel: Channel, places: Places) -> tuple[tuple[str, ...], int]:
    """Show what may go to the channel, and the time of the digest."""
    st.markdown(text("channel.field.routes"))
    offered = (*DESK, MAIL) if channel.kind == "smtp" else DESK
    routes = [route for route in offered if st.checkbox(text(f"channel.gets.{route}"), key=KEY.format(route))]
    places.below("routes")
    if DIGEST not in routes:
        return tuple(routes), channel.digest_at
    at = st.time_input(text("channel.field.digest_at"), key=KEY.format("digest_at"), step=900, width=200)
    places.below("digest_at")
    return tuple(routes), at.hour * 60 + at.minute if at else channel.digest_at
