"""The address of a SharePoint site as people copy it from the browser. Pure functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from core.problems import Problem, ProblemError
from core.text_files import shown

HOST = re.compile(r"(?=.{1,253}$)[a-z0-9-]+(\.[a-z0-9-]+)+")
SHARING = re.compile(r"/:[a-z]:/")  # https://firma.sharepoint.com/:l:/s/support/...
LONGEST = 400  # SharePoint's limit of a decoded path


class BadAddress(ProblemError):
    """The text is no address of a site."""


@dataclass(frozen=True, slots=True)
class SiteAddress:
    """Host and decoded path ("/sites/support", "" for the root site) of a site."""

    host: str
    path: str

    @property
    def url(self) -> str:
        return f"https://{self.host}{self.path}"

    @property
    def graph_path(self) -> str:
        """Return the path of the site in Graph, https://learn.microsoft.com/graph/api/site-getbypath."""
        return f"/sites/{self.host}" + (f":{quote(self.path)}" if self.path else "")

    @property
    def parent(self) -> SiteAddress | None:
        """Return the address one step up; None above /sites/<name>, since the root site is another matter."""
        return SiteAddress(self.host, self.path.rpartition("/")[0]) if self.path.count("/") > 1 else None


def site_address(text: str) -> SiteAddress:
    """Return the address in `text`, without query, fragment and slash at its end. Raises BadAddress."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _bad("form", text) from None
    if parts.scheme != "https":
        raise _bad("scheme", text)
    if not HOST.fullmatch(host) or port not in (None, 443) or parts.username is not None:
        raise _bad("form", text)
    path = unquote(parts.path, errors="replace").rstrip("/ ")
    if SHARING.match(f"{path}/"):
        raise _bad("sharing", text)
    steps = path.split("/")[1:]
    if len(path) > LONGEST or not path.isprintable() or "\ufffd" in path or {"", ".", ".."} & set(steps) or ":" in path:
        raise _bad("form", text)
    return SiteAddress(host, path)


def _bad(why: str, text: str) -> BadAddress:
    return BadAddress(Problem(f"lists.address_{why}", {"url": shown(text)}))
