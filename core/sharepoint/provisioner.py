"""Find a site by its address, and make there what the product needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from core.bounds import LONGEST_NAME, bounded_text
from core.graph import BadAnswer, BatchAnswer, GraphClient, NotFound, PermissionMissing, error_for
from core.graph.errors import error_of
from core.name_key import guid_key
from core.problems import Problem, ProblemError, ProblemsError
from core.sharepoint.flow_parameters import parameters_of
from core.sharepoint.list_columns import COLUMNS, LIST_NAMES, resolve_columns
from core.sharepoint.list_template import DESCRIPTION, TEMPLATE
from core.sharepoint.lists import SharePointList
from core.sharepoint.provisioning import FoundList, Step, Wanted, chosen_list, obstacles, own_columns, steps
from core.sharepoint.site_address import SiteAddress

ROUNDS = 6  # without anything made: SharePoint is busy, or an answer was lost
LATER = {0, 409, 412, 429, 500, 502, 503, 504}  # read the site again, and plan again
FORBIDDEN = 403
REFUSED = {400, 404, 405, 409, 422}
LONGEST_ID = 300

Told = Callable[[Problem], None]


class NoSite(ProblemError):
    """There is no site at the address, or the application may not read it."""


class Unfit(ProblemsError):
    """Something on the site must be mended by a person first; nothing has been made."""


class NotMade(ProblemError):
    """Something could not be made; what was made before stays, and the next run goes on from there."""


def find_site(client: GraphClient, address: SiteAddress) -> tuple[str, str]:
    """Return (id, name) of the site. Raises NoSite, GraphError."""
    url = {"url": address.url}
    try:
        row = client.get(address.graph_path)
    except PermissionMissing as error:
        raise NoSite(Problem("lists.site_forbidden", url, error.problem.detail)) from error
    except NotFound as error:
        near = _site_above(client, address)
        code = "lists.site_below" if near else "lists.site_gone"
        raise NoSite(Problem(code, url | {"site": near}, error.problem.detail)) from error
    except BadAnswer as error:
        if error.status != 400:
            raise
        raise NoSite(Problem("lists.site_foreign", url | {"host": address.host}, error.problem.detail)) from error
    site_id = row.get("id") if isinstance(row, Mapping) else None
    if not isinstance(site_id, str) or not site_id.isascii() or not 0 < len(site_id) <= LONGEST_ID or "/" in site_id:
        raise BadAnswer(Problem("graph.unreadable", {"tenant": client.name, "what": "sites"}))
    return site_id, bounded_text(row.get("displayName"), LONGEST_NAME)


def _site_above(client: GraphClient, address: SiteAddress) -> str:
    """Return the address of the site in which the address lies (a library, a page), "" if it is not to be found."""
    above = address.parent
    while above is not None:
        try:
            client.get(above.graph_path)
        except (NotFound, PermissionMissing):
            above = above.parent
        else:
            return above.url
    return ""


class Provisioner:
    """Makes the lists on one site; `made` gets a sentence for each thing when it is there.

    `foreign` returns the problem if the lists, of which it gets the parameter list, belong to another installation.
    Safe to run again after an interruption at any point: each round reads what is there.
    """

    def __init__(
        self,
        client: GraphClient,
        site_id: str,
        wanted: Wanted,
        *,
        made: Told,
        sleep: Callable[[float], None],
        foreign: Callable[[FoundList], Problem | None],
    ) -> None:
        self._client, self._site_id, self._wanted = client, site_id, wanted
        self._made, self._sleep, self._foreign = made, sleep, foreign
        self._settled: set[tuple[str, str, str]] = set()  # what was made or refused in this run
        self._refused: set[tuple[str, str, str]] = set()  # refused once: somebody else may be making it
        self.count = 0  # of the things made

    def run(self) -> dict[str, FoundList]:
        """Make what is missing and return the lists. Raises Unfit, NotMade, ListError, GraphError."""
        rounds = 0
        while True:
            found = self._read()
            if problems := obstacles(found, self._wanted):
                raise Unfit(problems)
            left = [step for step in steps(self._site_id, found, self._wanted) if step.key not in self._settled]
            parameters = found["parameter"]
            if left and parameters is not None and (problem := self._foreign(parameters)):
                raise NotMade(problem)
            whole = {kind: one for kind, one in found.items() if one is not None}
            if not left and all(self._is_whole(kind, found[kind]) for kind in LIST_NAMES):
                return whole
            before = len(self._settled)
            wait = self._make(left, rounds)
            rounds = 0 if len(self._settled) > before else rounds + 1
            if rounds > ROUNDS:
                raise NotMade(Problem("lists.no_progress", {"count": str(self.count)}))
            if wait:
                self._sleep(wait)

    def _is_whole(self, kind: str, found: FoundList | None) -> bool:
        return found is not None and not own_columns(kind, found, self._wanted.mapping).missing

    def _read(self) -> dict[str, FoundList | None]:
        """Return the lists with their columns, and the names in the parameter list."""
        rows = [row for row in self._client.rows(f"/sites/{self._site_id}/lists") if isinstance(row, Mapping)]
        chosen = {kind: chosen_list(kind, rows, self._wanted) for kind in LIST_NAMES}
        return {kind: self._found(kind, row) if row is not None else None for kind, row in chosen.items()}

    def _found(self, kind: str, row: Mapping[str, Any]) -> FoundList:
        list_id, facet = guid_key(str(row.get("id"))), row.get("list")
        if not list_id:
            raise BadAnswer(Problem("graph.unreadable", {"tenant": LIST_NAMES[kind], "what": "id"}))
        template = str(facet.get("template") or "") if isinstance(facet, Mapping) else ""
        ours = row.get("description") == DESCRIPTION or ("list", kind, LIST_NAMES[kind]) in self._settled
        found = FoundList(list_id, bounded_text(row.get("displayName"), LONGEST_NAME), template, ours)
        if template != TEMPLATE:
            return found
        path = f"/sites/{self._site_id}/lists/{list_id}"
        definitions = [one for one in self._client.rows(f"{path}/columns") if isinstance(one, Mapping)]
        found = replace(found, definitions=definitions)
        own = own_columns(kind, found, self._wanted.mapping)
        if kind != "parameter" or own.missing or own.obstacles:
            return found
        mapping = {COLUMNS[kind][word].field: column.name for word, column in own.by_word.items()}
        of = SharePointList(path, resolve_columns(kind, mapping, definitions))
        return replace(found, parameters=self._parameters(of))

    def _parameters(self, of: SharePointList) -> Mapping[str, str]:
        """Return name -> value of the rows of the parameter list."""
        query = {"$expand": f"fields($select={','.join(of.columns.values())})"}
        items = [of.item(row) for row in self._client.rows(f"{of.path}/items", query)]
        return {**dict.fromkeys((item.text("name") for item in items), ""), **parameters_of(items)}

    def _make(self, left: Sequence[Step], attempt: int) -> float:
        """Carry out the steps; return the seconds to wait before the site is read again. Raises NotMade, GraphError."""
        for step in left:
            answer = self._client.batch([step.request], once=True)[0]
            if answer.ok:
                self._settled.add(step.key)
                self.count += 1
                self._made(step.told("lists.made"))
            elif step.what == "setting" and answer.status in REFUSED:
                self._settled.add(step.key)
                self._made(step.told("lists.refused", said=_said(answer)))
            elif answer.status in LATER:
                return answer.wait(attempt)
            elif answer.status == FORBIDDEN or step.key in self._refused:
                raise NotMade(self._refusal(step, answer))
            else:
                self._refused.add(step.key)
                return answer.wait(attempt)
        return 0.0 if left else 1.0

    def _refusal(self, step: Step, answer: BatchAnswer) -> Problem:
        code = "lists.forbidden" if answer.status == FORBIDDEN else "lists.not_made"
        problem = step.told(code, said=_said(answer), count=str(self.count))
        return replace(problem, detail=error_for(answer.status, answer.body, what=step.what, name="").problem.detail)


def _said(answer: BatchAnswer) -> str:
    code, message = error_of(answer.body)
    return message or code or f"HTTP {answer.status}"
