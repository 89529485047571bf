"""`tenant remove`, `undo` and `export`: let a tenant leave or stay, and write what is kept about it into a file."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from core.cache.leaving_rows import Leaving, as_row
from core.commands import OK, WRONG_CONFIGURATION
from core.leaving.leave import start_leaving, tenant_keys, undo
from core.leaving.tenant_export import export_tenant
from core.leaving.tenant_files import export_folder
from core.problems import Problem
from core.refresh.services import Services
from core.roles import command_actor
from core.texts import text


def leaving_line(leaving: Leaving, language: str, when: Callable[[datetime], str]) -> str:
    """Return the line of `tenant list` for a tenant that leaves."""
    values = {"tenant": leaving.name, "slug": leaving.slug, "due": when(leaving.due_at)}
    if leaving.problem is not None:
        return text("command.tenant_stuck", language, **values, problem=leaving.problem.text(language))
    key = "command.tenant_leaving" if leaving.state == "leaving" else "command.tenant_going"
    return text(key, language, **values)


def leaving_document(leaving: Leaving, language: str) -> dict[str, Any]:
    """Return a tenant that leaves for `--json`, with what its removal waits for."""
    problem = leaving.problem
    said = {"code": problem.code, "message": problem.text(language)} if problem else None
    return {**as_row(leaving), "problem": said}


def remove(options: argparse.Namespace, services: Services, when: Callable[[datetime], str]) -> int:
    """Let a tenant leave; its name must be given to confirm it, and `--export` writes the data to a file of choice."""
    language, actor = services.settings.language, command_actor()
    keys = tenant_keys(services, options.slug)
    if options.confirm is None:
        values = {"tenant": keys.name, "slug": keys.slug, "typed": shlex.quote(keys.name)}
        problem = Problem("command.tenant_confirm", values)
        print(problem.text(language), file=sys.stderr)
        return WRONG_CONFIGURATION
    if options.export is not None:
        export_tenant(services.engine, keys, options.export, actor, services.now())
    leaving = start_leaving(services, options.slug, options.confirm, actor)
    file = options.export or export_folder(services.settings) / leaving.export_file
    if options.json:
        print(json.dumps({**leaving_document(leaving, language), "file": str(file)}, ensure_ascii=False))
    else:
        values = {"tenant": leaving.name, "slug": leaving.slug, "due": when(leaving.due_at), "file": str(file)}
        print(text("command.tenant_left", language, **values))
    return OK


def undo_leaving(options: argparse.Namespace, services: Services) -> int:
    """Let a tenant stay that leaves."""
    language = services.settings.language
    leaving = undo(services, options.slug, command_actor())
    if options.json:
        print(json.dumps({"tenant": leaving.name, "tenant_id": leaving.tenant_id, "state": "done"}, ensure_ascii=False))
    else:
        print(text("command.tenant_stays", language, tenant=leaving.name))
    return OK


def export(options: argparse.Namespace, services: Services) -> int:
    """Write all that is kept about a tenant into a ZIP."""
    keys, file = tenant_keys(services, options.slug), Path(options.out)
    written = export_tenant(services.engine, keys, file, command_actor(), services.now())
    rows = sum(written.rows.values())
    if options.json:
        said = {"tenant": keys.name, "file": str(file), "rows": dict(written.rows), "sha256": written.sha256}
        print(json.dumps(said, ensure_ascii=False))
    else:
        values = {"tenant": keys.name, "file": str(file), "rows": rows, "sha256": written.sha256}
        print(text("command.tenant_exported", services.settings.language, **values))
    return OK
