"""Find and remove the mentions of a tenant in texts and JSON documents. Pure functions."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from core.name_key import name_key

GONE = "–"  # in place of what named the tenant
CODES = frozenset({"code", "level", "reason", "state"})  # fields whose values are words of the product, never names


@dataclass(frozen=True)
class TenantKeys:
    """What names a tenant: its id, its short name, and its names, present and former.

    `others` are ids, short names and names of other tenants. What another tenant has belongs to that one: then it is
    not in `names`, and `slug` is "". `name` is the present name all the same.
    """

    tenant_id: str
    slug: str
    name: str
    names: Sequence[str]
    others: Collection[str] = ()

    @cached_property
    def whole(self) -> frozenset[str]:
        """Return the keys of the texts that name the tenant and nothing else."""
        return frozenset(map(name_key, filter(None, (self.tenant_id, self.slug, *self.names))))

    @cached_property
    def name_keys(self) -> frozenset[str]:
        return frozenset(map(name_key, self.names))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Return what matches a mention as `mine`, and the longer word of another tenant that has it in it."""
        mine = [word for word in (self.tenant_id, self.slug, *self.names) if word]
        near = [other for other in self.others if any(word.casefold() in other.casefold() for word in mine)]
        parts = [_as_words(word) for word in sorted({*near}, key=len, reverse=True)]
        own = "|".join(_as_words(word) for word in sorted({*mine}, key=len, reverse=True))
        kept = f"(?:{'|'.join(parts)})|" if parts else ""
        return re.compile(rf"(?<![^\W_])(?:{kept}(?P<mine>{own}))(?![^\W_])", re.IGNORECASE)

    def is_in(self, value: Any) -> bool:
        """Return True if the text or the JSON document mentions the tenant."""
        if isinstance(value, str):
            document = _document(value)
            return (
                any(match["mine"] for match in self._pattern.finditer(value))
                if document is None
                else self.is_in(document)
            )
        if isinstance(value, dict):
            return any(self.is_in(one) for name, one in value.items() if name not in CODES)
        return isinstance(value, (list, tuple)) and any(self._is_about(one) or self.is_in(one) for one in value)

    def removed_from(self, value: Any) -> Any:
        """Return the document without the tenant: entries about it are left out, mentions in texts become GONE."""
        if isinstance(value, str):
            document = _document(value)
            if document is not None:
                return json.dumps(self.removed_from(document)) if self.is_in(document) else value
            return self._pattern.sub(lambda match: GONE if match["mine"] else match[0], value)
        if isinstance(value, dict):
            return {name: one if name in CODES else self.removed_from(one) for name, one in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.removed_from(one) for one in value if not self._is_about(one)]
        return value

    def _is_about(self, entry: Any) -> bool:
        """Return True if an entry of a list is the tenant, or names it in the field `tenant`."""
        text = entry.get("tenant") if isinstance(entry, dict) else entry
        return isinstance(text, str) and name_key(text) in self.whole


def _document(text: str) -> Any:
    """Return the JSON object or list that the text is, in which letters may be written as escapes; None for others."""
    if text[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text)
    except ValueError:
        return None


def _as_words(text: str) -> str:
    """Return the pattern of a name with any blanks between its words."""
    return r"\s+".join(map(re.escape, text.split()))
