"""The ZIP file of a flow, byte for byte the same each time."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

from core.sharepoint.flow.flow_kinds import FlowKind, settings_of, workflow, workflow_file
from core.sharepoint.flow.flow_site import FlowSite
from core.sharepoint.flow.solution_xml import as_file, content_types, customizations, environment_variable, solution

WRITTEN_AT = (2026, 1, 1, 0, 0, 0)  # of every file in the package


def package(kind: FlowKind, site: FlowSite, language: str) -> bytes:
    """Return the ZIP file of a flow; `language` is that of its messages."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:  # not compressed: another version of zlib would do that otherwise
        for name, text in _files(kind, site, language):
            entry = zipfile.ZipInfo(name, WRITTEN_AT)
            entry.create_system = 0  # whatever system writes it
            archive.writestr(entry, text)
    return content.getvalue()


def _files(kind: FlowKind, site: FlowSite, language: str) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each file; the folders are separated by `/` on every system."""
    name = workflow_file(kind, site)
    yield "[Content_Types].xml", as_file(content_types())
    yield "solution.xml", as_file(solution(kind, site))
    yield "customizations.xml", as_file(customizations(kind, site))
    for setting in settings_of(kind, site):
        folder = f"environmentvariabledefinitions/{setting.schema_name}"
        yield f"{folder}/environmentvariabledefinition.xml", as_file(environment_variable(setting))
    yield name, json.dumps(workflow(kind, site, language), indent=2).encode()
