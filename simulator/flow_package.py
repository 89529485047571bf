"""An exported solution package: unpacked, and refused if it holds anything that the simulator does not know."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from .connectors import OPERATIONS
from .expressions import ExpressionError, check
from .flow_run import COMPARISONS, CONTEXT, KINDS, STATES

Json = dict[str, Any]
TRIGGERS = {"GetOnUpdatedItems", "Recurrence"}
NAMED_ACTION = {"actions", "body", "items", "outputs"}  # functions whose argument is the name of an action


class PackageError(Exception):
    """The package cannot be imported, or the simulator does not know something in it."""


class FlowPackage(NamedTuple):
    """A flow: its definition, the values of its parameters, and its trigger ("GetOnUpdatedItems" or "Recurrence")."""

    name: str
    definition: Json
    parameters: dict[str, str]
    trigger: Json
    kind: str


def read_package(path: Path) -> FlowPackage:
    """Return the one flow of a package. Raises PackageError."""
    with zipfile.ZipFile(path) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    customizations, manifest = _xml(files, "customizations.xml"), _xml(files, "solution.xml")
    _xml(files, "[Content_Types].xml")
    (workflow,) = customizations.iter("Workflow")
    content = json.loads(files[(workflow.findtext("JsonFileName") or "").lstrip("/")])
    definition = content["properties"]["definition"]
    _check_components(manifest, workflow, files)
    _check_connections(content["properties"]["connectionReferences"], customizations, definition)
    _check_definition(definition)
    ((_, trigger),) = definition["triggers"].items()
    kind = trigger["type"] if trigger["type"] == "Recurrence" else trigger["inputs"]["host"]["operationId"]
    if kind not in TRIGGERS:
        raise PackageError(f"unknown trigger {kind}")
    return FlowPackage(workflow.get("Name", ""), definition, _parameters(definition, files), trigger, kind)


def all_actions(actions: Json) -> Iterator[tuple[str, Json, Json]]:
    """Yield (name, action, the actions of its branch) of all actions at all depths."""
    for name, action in actions.items():
        yield name, action, actions
        yield from all_actions(action.get("actions", {}))
        yield from all_actions(action.get("else", {}).get("actions", {}))


def _xml(files: dict[str, bytes], name: str) -> ET.Element:
    return ET.fromstring(files[name])


def _check_components(manifest: ET.Element, workflow: ET.Element, files: dict[str, bytes]) -> None:
    """Compare what the manifest names with what is there."""
    roots = {(root.get("type"), root.get("id") or root.get("schemaName")) for root in manifest.iter("RootComponent")}
    variables = {name.split("/")[1] for name in files if name.startswith("environmentvariabledefinitions/")}
    if roots != {("29", workflow.get("WorkflowId")), *(("380", name) for name in variables)}:
        raise PackageError("the manifest names other components than the package has")


def _check_connections(references: Json, customizations: ET.Element, definition: Json) -> None:
    declared = {
        (one.findtext("connectorid") or "").rpartition("/")[2]: one.get("connectionreferencelogicalname")
        for one in customizations.iter("connectionreference")
    }
    used = {name: one["connection"]["connectionReferenceLogicalName"] for name, one in references.items()}
    calls = [action for _, action, _ in all_actions(definition["actions"]) if action["type"] == "OpenApiConnection"]
    wrong = [call for call in calls if call["inputs"]["host"]["connectionName"] not in used]
    if used != declared or wrong:
        raise PackageError("a connection is used and not declared, or declared otherwise")


def _parameters(definition: Json, files: dict[str, bytes]) -> dict[str, str]:
    """Return the values that the environment variables give to the parameters."""
    values = {}
    for name, parameter in definition["parameters"].items():
        if "metadata" in parameter:
            schema_name = parameter["metadata"]["schemaName"]
            variable = _xml(files, f"environmentvariabledefinitions/{schema_name}/environmentvariabledefinition.xml")
            if variable.get("schemaname") != schema_name:
                raise PackageError(f"the file of {schema_name} is that of another variable")
            values[name] = variable.findtext("defaultvalue") or ""
    return values


def _check_definition(definition: Json) -> None:
    actions = list(all_actions(definition["actions"]))
    names = [name for name, _, _ in actions]
    if len(set(names)) != len(names):
        raise PackageError("two actions have one name")
    for name, action, siblings in actions:
        _check_action(name, action, siblings)
    try:
        calls = check([definition["triggers"], definition["actions"]], CONTEXT)
    except ExpressionError as error:
        raise PackageError(str(error)) from None
    for _, function, arguments in calls:
        known = names if function in NAMED_ACTION else [*definition["parameters"]] if function == "parameters" else None
        if known is not None and arguments[0][1] not in known:
            raise PackageError(f"{function}({arguments[0][1]!r}) names nothing that is there")


def _check_action(name: str, action: Json, siblings: Json) -> None:
    if action["type"] not in KINDS:
        raise PackageError(f"unknown action {action['type']}")
    if foreign := set(action["runAfter"]) - set(siblings):
        raise PackageError(f"{name} runs after {foreign}, which is not beside it")
    if any(set(states) - STATES for states in action["runAfter"].values()):
        raise PackageError(f"{name} waits for an unknown state")
    if action["type"] == "If":
        _check_condition(action["expression"])
    if action["type"] == "OpenApiConnection" and action["inputs"]["host"]["operationId"] not in OPERATIONS:
        raise PackageError(f"unknown operation {action['inputs']['host']['operationId']}")
    inside = all_actions(action["actions"]) if action["type"] == "Foreach" else ()
    if any(inner["type"] == "Terminate" for _, inner, _ in inside):
        raise PackageError(f"{name} ends the run within a loop")


def _check_condition(test: Json) -> None:
    ((operator, parts),) = test.items()
    if operator in ("and", "or", "not"):
        for part in parts if operator != "not" else [parts]:
            _check_condition(part)
    elif operator not in COMPARISONS:
        raise PackageError(f"unknown comparison {operator}")
