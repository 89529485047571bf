"""Profile files, which an operator otherwise writes by hand, and the ids and names in them."""

import json
import os
import re
import uuid
from pathlib import Path
from typing import Any

SPACE = uuid.UUID("5f1d1c3e-6d5b-5a8e-9a38-3f6a0c1b7e42")
_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "é": "e", "è": "e", "à": "a"})


def guid(*parts: str) -> str:
    """Return a GUID made from `parts`, the same in every run, so that ids survive a restart."""
    return str(uuid.uuid5(SPACE, "/".join(parts)))


def slug(name: str) -> str:
    """Return the name in lower-case ASCII with hyphens: `Schule Höri` -> `schule-hoeri`."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower().translate(_LETTERS)).strip("-") or "tenant"


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step: a reader sees the old or the new content, never a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    os.replace(part, path)
