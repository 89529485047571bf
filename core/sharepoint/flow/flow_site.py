"""The site and the lists that a flow works with, and the ids that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote
from uuid import UUID, uuid5

from core.graph import BadAnswer
from core.problems import Problem, ProblemError
from core.profiles.sharepoint_profile import SharePointProfile
from core.sharepoint.flow.expressions import Expression, Property, call
from core.sharepoint.list_columns import LIST_NAMES, Column, OurColumns
from core.sharepoint.lists import Lists
from core.sharepoint.site_address import BadAddress, site_address

IDS = UUID("5b0f4f9e-7d3c-4a53-9a0b-6f3a8f6d2c11")  # of everything that is made for a site; it must not change
NOBODY = "-"  # value of a variable that stands for none: one without a value cannot be switched on
PREFIX = "lzt"  # of the publisher: begins the names of what its solutions contain


@dataclass(frozen=True, slots=True)
class Setting:
    """An environment variable: its name, and its value for this site."""

    schema_name: str
    display: str
    value: str
    description: str

    @property
    def parameter(self) -> str:
        """Return the name of the parameter of a flow that has the value."""
        return f"{self.display} ({self.schema_name})"

    @property
    def expression(self) -> Expression:
        """Return the expression that gives the value within a flow."""
        return call("parameters", self.parameter)


@dataclass(frozen=True, slots=True)
class FlowSite:
    """The site: its id, its name for people, its address; by kind of list the ids and our columns."""

    site_id: str
    name: str
    address: str
    list_ids: Mapping[str, str]
    columns: Mapping[str, OurColumns]

    @property
    def mark(self) -> str:
        """Return eight hex digits that differ from those of other sites and lists."""
        return self.id_of("mark").hex[:8]

    def id_of(self, what: str) -> UUID:
        """Return the id of something that is made for this site and its licence list, the same one every time."""
        return uuid5(IDS, "\n".join((self.site_id, self.list_ids["license"], what)))

    @property
    def settings(self) -> dict[str, Setting]:
        """Return the environment variables by our own words."""
        return {word: self._setting(word, *given) for word, given in self._given.items()}

    @property
    def _given(self) -> dict[str, tuple[str, str, str]]:
        """Return word -> (name for people, value, description) of each environment variable."""
        lists = {
            kind: (f"Lizenztool {name}", self.list_ids[kind], f"ID der {name}") for kind, name in LIST_NAMES.items()
        }
        return {
            "site": ("Lizenztool Site", self.address, "Adresse der SharePoint-Site mit den drei Listen"),
            **lists,
            "team": ("Lizenztool Team", NOBODY, "ID des Teams für Nachrichten in Teams; - für einen Chat"),
            "channel": ("Lizenztool Kanal", NOBODY, "ID des Kanals in diesem Team; - für einen Chat"),
        }

    def _setting(self, word: str, display: str, content: str, description: str) -> Setting:
        return Setting(f"{PREFIX}_{word}_{self.mark}", f"{display} {self.mark}", content, description)


def read_site(profile: SharePointProfile, lists: Lists) -> FlowSite:
    """Return the site of the profile with its address, asked of Graph. Raises GraphError."""
    address = _address(profile, lists.client.get(f"/sites/{profile.site_id}", {"$select": "webUrl"}))
    ids = {of.kind: of.path.rpartition("/")[2] for of in (lists.licenses, lists.tenants, lists.parameters)}
    columns = {of.kind: of.ours for of in (lists.licenses, lists.tenants, lists.parameters)}
    return FlowSite(profile.site_id, profile.name, address, ids, columns)


def check_columns(site: FlowSite) -> None:
    """Raise ProblemError if a column of a list is missing or has a type with which the flows cannot work."""
    licenses, tenants = site.columns["license"], site.columns["tenant"]
    problem = licenses.obstacle("trigger", "informed")
    if problem is None and not tenants.reads("cert_expires"):
        problem = next(iter(tenants.problems))
    if problem is not None:
        raise ProblemError(problem)


def _address(profile: SharePointProfile, answer: object) -> str:
    """Return the address of the site in ASCII. Raises BadAnswer if the answer has none."""
    given = answer.get("webUrl") if isinstance(answer, Mapping) else None
    try:
        address = site_address(given if isinstance(given, str) else "")
    except BadAddress as error:
        raise BadAnswer(Problem("graph.unreadable", {"tenant": profile.name, "what": "webUrl"})) from error
    return f"https://{address.host}{quote(address.path)}"


def field_of(column: Column) -> str:
    """Return the name under which the SharePoint connector knows a column: OData names do not begin with `_`."""
    return f"OData_{column.name}" if column.name.startswith("_") else column.name


def value_in(item: Expression, column: Column) -> Expression:
    """Return the expression for the value of a column of an item; a choice is an object with its text in `Value`."""
    whole = Property(item, field_of(column))
    return Property(whole, "Value") if column.kind == "choice" else whole
