"""The table of the channels, and their words."""

from __future__ import annotations

from collections.abc import Sequence

from core.cache.channel_rows import Channel
from core.messages.routes import DIGEST
from ui.tables.html_table import Kind, Row, show_whole_table, titled_columns
from ui.texts import text

COLUMNS: dict[str, Kind] = {
    "channel": "open", "channel_kind": "text", "channel_where": "text", "channel_routes": "text",
    "channel_state": "chip",
}  # fmt: skip


def show_channels(channels: Sequence[Channel]) -> Channel | None:
    """Show the table; return the channel whose name was clicked."""
    rows = [Row(_row_id(channel), _cells(channel)) for channel in channels]
    clicked = show_whole_table("channels", text("channel.table"), titled_columns(COLUMNS), rows)
    return next((channel for channel in channels if _row_id(channel) == clicked), None)


def _row_id(channel: Channel) -> str:
    """Return the id of a row: another version is another row."""
    return f"{channel.channel_id} {channel.version}"


def _cells(channel: Channel) -> list[object]:
    state = {
        "text": text("channel.on" if channel.active else "channel.off"),
        "tone": "ok" if channel.active else "quiet",
    }
    return [
        channel.name,
        text(f"channel.kind.{channel.kind}"),
        where_words(channel),
        routes_words(channel),
        {"chips": [state]},
    ]


def where_words(channel: Channel) -> str:
    """Return where the channel leads, without what is secret: its recipients, its service or its host."""
    if channel.kind == "smtp":
        return ", ".join(channel.recipients) or str(channel.config.get("host", ""))
    return str(channel.config.get("service") or channel.config.get("host") or "")


def routes_words(channel: Channel) -> str:
    """Return what goes to the channel."""
    words = [
        f"{text(f'channel.route.{route}')} {clock_words(channel.digest_at)}"
        if route == DIGEST
        else text(f"channel.route.{route}")
        for route in channel.routes
    ]
    return ", ".join(words) or text("channel.no_route")


def clock_words(minutes: int) -> str:
    """Return minutes since midnight as a time: 07:00."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
