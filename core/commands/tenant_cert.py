"""`tenant cert`: show certificates with their ends, and renew one or all that end soon."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import Any

from core.attention.condition import as_written
from core.cache.rotation_rows import Rotation
from core.commands import OK, SOME_FAILED, WRONG_CONFIGURATION
from core.onboarding.steps import PORTAL, RETRY_EVERY
from core.problems import Problem, ProblemError
from core.profiles.certificate_uses import CertificateUse, all_uses, find_use
from core.profiles.profile_files import CERT_OPTIONS, Kind
from core.refresh.services import Services
from core.roles import command_actor
from core.rotation.many import RotationResult, due, rotate_many, rotate_patiently
from core.rotation.report import as_document, public_file, said_of, stage_of
from core.rotation.rotating import rotation_of
from core.rotation.steps import CLICKS, STEPS, next_step
from core.texts import text

DAYS = 30  # as the first warning
Run = Callable[[Callable[..., int], argparse.Namespace, Any], int]


def add_to(actions: Any, language: str, run: Run) -> None:
    """Add `cert` and its actions to the parser of `tenant`; `run` calls one with the services of the process."""
    parser = actions.add_parser("cert", help=text("help.tenant_certs", language))
    commands = parser.add_subparsers(required=True, metavar="ACTION")

    def action(name: str, call: Callable[..., int]) -> Any:
        made = commands.add_parser(name, help=text(f"help.tenant_cert_{name}", language))
        made.add_argument("--json", action="store_true", help=text("help.tenant_json", language))
        made.set_defaults(call=lambda options, settings: run(call, options, settings))
        return made

    action("list", _list)
    show, renew = action("show", _show), action("renew", _renew)
    show.add_argument("slug", help=text("help.tenant_slug", language))
    renew.add_argument("slug", nargs="?", default="", help=text("help.tenant_slug", language))
    for one in (show, renew):
        kinds = one.add_mutually_exclusive_group()
        kinds.add_argument("--sharepoint", dest="kind", action="store_const", const="sharepoint", default="tenant",
                           help=text("help.tenant_cert_sharepoint", language))  # fmt: skip
        kinds.add_argument("--sign-in", dest="kind", action="store_const", const="auth",
                           help=text("help.tenant_cert_auth", language))  # fmt: skip
    steps = renew.add_mutually_exclusive_group()
    for step in (*STEPS, "cancel"):
        steps.add_argument(f"--{step}", dest="step", action="store_const", const=step,
                           help=text(f"help.tenant_cert_{step}", language))  # fmt: skip
    steps.add_argument("--all", action="store_true", help=text("help.tenant_cert_all", language))
    renew.add_argument("--days", type=int, default=DAYS, metavar="N", help=text("help.tenant_cert_days", language))
    renew.add_argument("--by-hand", action="store_true", help=text("help.tenant_cert_by_hand", language))
    renew.add_argument("--wait", type=int, default=180, metavar="SECONDS", help=text("help.tenant_wait", language))


def _list(options: argparse.Namespace, services: Services, _refresher: object) -> int:
    try:
        uses = all_uses(services.profiles)
    except OSError as error:
        return _say_wrong(services, _folder(services, error))
    uses.sort(key=lambda use: (use.certificate is None, use.certificate.expires if use.certificate else None, use.slug))
    if options.json:
        documents = [as_document(services, use, rotation_of(services, use)) for use in uses]
        print(json.dumps(documents, ensure_ascii=False))
        return OK
    for use in uses:
        print(_line(services, use))
    if not uses:
        print(text("command.cert_none", services.settings.language))
    return OK


def _folder(services: Services, error: OSError) -> Problem:
    values = {"folder": str(services.settings.profiles_dir), "reason": error.strerror or ""}
    return Problem("profile.folder_unreadable", values)


def _line(services: Services, use: CertificateUse) -> str:
    """Return the line of a certificate: end, thumbprint, profile, and where its rotation stands."""
    language = services.settings.language
    if use.certificate is None:
        return use.problem.text(language) if use.problem else use.name
    until = f"{use.certificate.expires.astimezone(services.settings.zone):%Y-%m-%d}"
    kind = text(f"rotation.kind.{use.kind}", language)
    words = f"{until}  {use.certificate.thumbprint}  {use.name} ({use.slug}, {kind})"
    rotation = rotation_of(services, use)
    state = "" if rotation is None else text(f"rotation.state.{stage_of(rotation, use)}", language)
    return f"{words}  {state}".rstrip()


def _wanted(options: argparse.Namespace, services: Services) -> CertificateUse | None:
    kind: Kind = options.kind
    return find_use(services.profiles, kind, options.slug)


def _show(options: argparse.Namespace, services: Services, _refresher: object) -> int:
    use = _wanted(options, services)
    if use is None:
        return _say_wrong(services, Problem("command.cert_unknown", {"wanted": options.slug}))
    rotation = rotation_of(services, use)
    if options.json:
        print(json.dumps(as_document(services, use, rotation), ensure_ascii=False))
        return OK
    print(_line(services, use))
    if rotation is not None:
        _say(services, use, rotation)
    return OK


def _renew(options: argparse.Namespace, services: Services, _refresher: object) -> int:
    if options.all:
        return _renew_all(options, services)
    use = _wanted(options, services)
    if use is None:
        return _say_wrong(services, Problem("command.cert_unknown", {"wanted": options.slug}))

    def waiting() -> None:
        print(text("rotation.wait", services.settings.language, seconds=RETRY_EVERY.seconds), file=sys.stderr)

    try:
        rotation = rotate_patiently(services, use, command_actor(), options.step, by_hand=options.by_hand,
                                  seconds=options.wait, waiting=waiting)  # fmt: skip
    except ProblemError as error:
        if options.json:
            print(json.dumps(as_document(services, use, rotation_of(services, use), error.problem), ensure_ascii=False))
        _say_wrong(services, error.problem)
        return SOME_FAILED
    use = _wanted(options, services) or use
    if options.json:
        print(json.dumps(as_document(services, use, rotation), ensure_ascii=False))
    else:
        _say(services, use, rotation)
    return SOME_FAILED if _failed(services, rotation) else OK


def _failed(services: Services, rotation: Rotation) -> bool:
    """Return True if a sign-in with the successor was refused; what waits for a person has not failed."""
    return rotation.is_open and rotation.refused_since is not None and rotation.problem is not None


def _say(services: Services, use: CertificateUse, rotation: Rotation) -> None:
    """Print where the rotation stands and what comes next."""
    language = services.settings.language
    for problem in said_of(services, use, rotation):
        print(problem.text(language))
    if (
        not rotation.is_open
        or rotation.way != "hand"
        or next_step(rotation, _thumbprint(use)) not in ("prove", "prepare")
    ):
        return
    for number, click in enumerate(CLICKS, 1):
        values = {"file": public_file(services, rotation), "portal": PORTAL, "client_id": rotation.client_id}
        print(f"{number}. {text(f'rotation.click.{click}', language, **values)}")
    print(text("command.cert_again", language, slug=use.slug, kind=CERT_OPTIONS[use.kind]))


def _thumbprint(use: CertificateUse) -> str:
    return use.certificate.thumbprint if use.certificate else ""


def _renew_all(options: argparse.Namespace, services: Services) -> int:
    """Renew all that end within `--days`; each result is a line."""
    try:
        uses = list(due(services, options.days))
    except OSError as error:
        return _say_wrong(services, _folder(services, error))
    results = rotate_many(services, uses, command_actor(), by_hand=options.by_hand, seconds=options.wait)
    if options.json:
        documents = [as_document(services, one.use, one.rotation, one.problem) for one in results]
        print(json.dumps(documents, ensure_ascii=False))
    else:
        for result in results:
            _say_result(services, result)
        if not results:
            print(text("command.cert_none_due", services.settings.language, days=options.days))
    bad = [one for one in results if one.problem or (one.rotation and _failed(services, one.rotation))]
    return SOME_FAILED if bad else OK


def _say_result(services: Services, result: RotationResult) -> None:
    language, now = services.settings.language, as_written(services.settings.zone)
    if result.rotation is None:
        print(result.problem.text(language) if result.problem else result.use.name)
        return
    use = find_use(services.profiles, result.use.kind, result.use.slug) or result.use
    state = text(f"rotation.state.{stage_of(result.rotation, use)}", language)
    until = now(result.rotation.next_expires) if result.rotation.next_expires else "–"
    print(text("command.cert_result", language, tenant=use.name, slug=use.slug, state=state, until=until))
    for problem in said_of(services, use, result.rotation):
        print(f"  {problem.text(language)}")


def _say_wrong(services: Services, problem: Problem) -> int:
    print(problem.text(services.settings.language), file=sys.stderr)
    return WRONG_CONFIGURATION
