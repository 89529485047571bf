"""`messages`: list channels and outbox, try a channel, send again what was given up."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine

from core.cache.channel_rows import Channel
from core.cache.message_rows import FAILED, SENT, WAITING, Message
from core.commands import OK, SOME_FAILED, WRONG_CONFIGURATION
from core.messages import channels
from core.name_key import name_key
from core.problems import Problem, ProblemError
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import Settings
from core.text_files import shown
from core.texts import plural, text

Call = Callable[[argparse.Namespace, Settings, Engine], int]


def add_to(commands: Any, language: str) -> None:
    """Add the command and its actions to the parser, with help in `language`."""
    parser = commands.add_parser("messages", help=text("help.messages", language))
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, call: Call) -> Any:
        made = actions.add_parser(name, help=text(f"help.messages_{name}", language))
        made.add_argument("--json", action="store_true", help=text("help.tenant_json", language))
        made.set_defaults(call=lambda options, settings: call(options, settings, open_engine(settings)))
        return made

    listing = action("list", _list)
    listing.add_argument("--state", choices=(WAITING, FAILED, SENT), help=text("help.messages_state", language))
    action("channels", _channels)
    test = action("test", _test)
    test.add_argument("channel", metavar="CHANNEL", help=text("help.messages_channel", language))
    test.add_argument("--to", default="", metavar="ADDRESS", help=text("help.messages_to", language))
    retry = action("retry", _retry)
    retry.add_argument("message", nargs="*", metavar="MESSAGE", help=text("help.messages_message", language))
    retry.add_argument("--all", action="store_true", help=text("help.messages_all", language))


def _list(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    """Print the newest messages; the exit code says if any was given up."""
    found, state = channels.outbox(engine, command_actor(), options.state or "")
    if options.json:
        oldest = state.oldest.isoformat() if state.oldest else None
        head = {"waiting": state.waiting, "failed": state.failed, "oldest": oldest}
        print(json.dumps(head | {"messages": [document_of(one) for one in found]}, ensure_ascii=False))
    else:
        names = {one.channel_id: one.name for one in channels.channels_of(engine, command_actor())}
        for message in found:
            print(_line(message, names, settings))
    return SOME_FAILED if state.failed else OK


def _channels(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    stored = channels.channels_of(engine, command_actor())
    for channel in stored:
        if not options.json:
            state = text("channel.on" if channel.active else "channel.off", settings.language)
            where = ", ".join(channel.recipients) or str(channel.config.get("service") or channel.config.get("host"))
            print(f"{channel.name}  {channel.kind}  {state}  {where}  {' '.join(channel.routes)}")
    if options.json:
        print(json.dumps([_channel_document(channel) for channel in stored], ensure_ascii=False))
    return OK


def _test(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    actor, key = command_actor(), name_key(options.channel)
    stored = channels.channels_of(engine, actor)
    channel = next((one for one in stored if key in (name_key(one.name), one.channel_id)), None)
    if channel is None:
        return _said(Problem("channel.unknown", {"value": shown(options.channel)}), options, settings)
    try:
        fault = channels.send_test(engine, actor, channel, settings, datetime.now(UTC), options.to)
    except ProblemError as error:
        return _said(error.problem, options, settings)
    if fault is not None:
        return _said(fault, options, settings, SOME_FAILED)
    print(json.dumps({"accepted": True}) if options.json else text("channel.test_accepted", settings.language))
    return OK


def _retry(options: argparse.Namespace, settings: Settings, engine: Engine) -> int:
    actor, wanted = command_actor(), list(options.message)
    if options.all:
        wanted += [one.message_id for one in channels.outbox(engine, actor, FAILED)[0]]
    if not wanted and not options.all:
        return _said(Problem("message.none_named"), options, settings)
    count = channels.send_again(engine, actor, wanted, datetime.now(UTC))
    print(json.dumps({"retried": count}) if options.json else plural("outbox.sent_again", count, settings.language))
    return OK if count or options.all else SOME_FAILED


def _said(problem: Problem, options: argparse.Namespace, settings: Settings, code: int = WRONG_CONFIGURATION) -> int:
    """Print the problem and return the exit code."""
    words = problem.text(settings.language)
    if options.json:
        print(json.dumps({"accepted": False, "code": problem.code, "message": words}, ensure_ascii=False))
    else:
        print(words, file=sys.stderr)
    return code


def _line(message: Message, names: dict[str, str], settings: Settings) -> str:
    at = message.created_at.astimezone(settings.zone)
    state = text(f"outbox.state.{message.state}", settings.language)
    where = " ".join(filter(None, (names.get(message.channel_id, "–"), message.recipient)))
    why = f"  {message.problem.text(settings.language)}" if message.problem else ""
    return f"{at:%d.%m.%Y %H:%M}  {message.message_id}  {state}  {where}  {message.subject}{why}"


def document_of(message: Message) -> dict[str, Any]:
    """Return what a program sees of a message: not its text."""
    problem = message.problem
    return {
        "messageId": message.message_id,
        "kind": message.kind,
        "channelId": message.channel_id,
        "recipient": message.recipient,
        "subject": message.subject,
        "state": message.state,
        "attempts": message.attempts,
        "createdAt": message.created_at.isoformat(),
        "nextAttemptAt": message.not_before.isoformat() if message.state == WAITING else None,
        "sentAt": message.sent_at.isoformat() if message.sent_at else None,
        "error": {"code": problem.code, "detail": problem.detail} if problem else None,
    }


def _channel_document(channel: Channel) -> dict[str, Any]:
    return {
        "channelId": channel.channel_id,
        "name": channel.name,
        "kind": channel.kind,
        "active": channel.active,
        "routes": list(channel.routes),
        "recipients": list(channel.recipients),
        "language": channel.language,
        "config": dict(channel.config),
    }
