"""The guide that goes with the packages: what to click in Power Automate, for this site (German)."""

from __future__ import annotations

import re
from pathlib import Path
from string import Template

from core.sharepoint.flow.flow_kinds import FLOWS, title
from core.sharepoint.flow.flow_site import FlowSite
from core.sharepoint.list_columns import LIST_NAMES

GUIDE_FILE = "Anleitung-Flows.md"
TEMPLATE = Path(__file__).with_name("guide.md")


def guide(site: FlowSite) -> str:
    """Return the guide in Markdown."""
    columns = site.columns["license"].by_word
    flows = (f"| `{kind.file}` | {title(kind, site)} | {kind.description} |" for kind in FLOWS)
    settings = (f"| {setting.display} | {code(setting.value)} |" for setting in site.settings.values())
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        mark=site.mark,
        flows="\n".join(flows),
        settings="\n".join(settings),
        site=code(site.name),
        address=code(site.address),
        trigger=code(columns["trigger"].name),
        informed=code(columns["informed"].name),
        **{kind: code(site.list_ids[kind]) for kind in LIST_NAMES},
    )


def first_line(site: FlowSite) -> str:
    """Return the line by which a guide for this site is known."""
    return f"<!-- lizenztool-flows {site.mark} -->"


def code(text: str) -> str:
    """Return Markdown that shows `text` as it is, also in a row of a table."""
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    edge = " " if "`" in text else ""
    escaped = text.replace("|", "\\|")
    return f"{fence}{edge}{escaped}{edge}{fence}"
