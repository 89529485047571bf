"""The two flows: their names, their ids, and their definitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.sharepoint.flow.actions import OUTLOOK, SHAREPOINT, TEAMS, Json
from core.sharepoint.flow.certificate_flow import certificate_actions, certificate_triggers
from core.sharepoint.flow.flow_site import PREFIX, FlowSite, Setting
from core.sharepoint.flow.shortage_flow import shortage_actions, shortage_triggers

CONNECTIONS = {SHAREPOINT: "sharepoint", OUTLOOK: "outlook", TEAMS: "teams"}
SCHEMA = "https://schema.management.azure.com/providers/Microsoft.Logic/schemas/2016-06-01/workflowdefinition.json#"


@dataclass(frozen=True, slots=True)
class FlowKind:
    """A flow: file name of its package, name for people, and what gives its definition."""

    file: str
    unique_name: str
    title: str
    description: str
    triggers: Callable[[FlowSite], Json]
    actions: Callable[[FlowSite, str], Json]
    settings: tuple[str, ...]


FLOWS = (
    FlowKind(
        "Lizenzueberwachung.zip",
        "Lizenzueberwachung",
        "Lizenzüberwachung",
        "Meldet jede aufgebrauchte Lizenz einmal.",
        shortage_triggers,
        shortage_actions,
        ("site", "license", "parameter", "team", "channel"),
    ),
    FlowKind(
        "Zertifikatsueberwachung.zip",
        "Zertifikatsueberwachung",
        "Zertifikatsüberwachung",
        "Meldet jeden Morgen die Zertifikate, die in den nächsten sieben Tagen enden.",
        certificate_triggers,
        certificate_actions,
        ("site", "tenant", "parameter", "team", "channel"),
    ),
)


def unique_name(kind: FlowKind, site: FlowSite) -> str:
    """Return the name of the solution, which differs from that for another site."""
    return f"{kind.unique_name}_{site.mark}"


def title(kind: FlowKind, site: FlowSite) -> str:
    """Return the name of the flow for people."""
    return f"{kind.title} {site.mark}"


def workflow(kind: FlowKind, site: FlowSite, language: str) -> Json:
    """Return the content of the file of the flow."""
    references = {
        connector: {
            "runtimeSource": "embedded",
            "connection": {"connectionReferenceLogicalName": reference(site, connector)},
            "api": {"name": connector},
        }
        for connector in CONNECTIONS
    }
    properties = {
        "connectionReferences": references,
        "definition": definition(kind, site, language),
        "templateName": "",
    }
    return {"properties": properties, "schemaVersion": "1.0.0.0"}


def definition(kind: FlowKind, site: FlowSite, language: str) -> Json:
    """Return the definition of the flow in the Workflow Definition Language."""
    parameters: Json = {
        "$connections": {"defaultValue": {}, "type": "Object"},
        "$authentication": {"defaultValue": {}, "type": "SecureObject"},
    }
    for setting in settings_of(kind, site):
        metadata = {"schemaName": setting.schema_name, "description": setting.description}
        parameters[setting.parameter] = {"defaultValue": setting.value, "type": "String", "metadata": metadata}
    return {
        "$schema": SCHEMA,
        "contentVersion": "1.0.0.0",
        "parameters": parameters,
        "triggers": kind.triggers(site),
        "actions": kind.actions(site, language),
        "outputs": {},
    }


def settings_of(kind: FlowKind, site: FlowSite) -> list[Setting]:
    """Return the environment variables that a flow uses."""
    return [site.settings[word] for word in kind.settings]


def workflow_id(kind: FlowKind, site: FlowSite) -> str:
    """Return the id of a flow, by which a later import replaces it."""
    return str(site.id_of(kind.unique_name))


def workflow_file(kind: FlowKind, site: FlowSite) -> str:
    """Return the path of the definition within the package."""
    return f"Workflows/{unique_name(kind, site)}-{workflow_id(kind, site).upper()}.json"


def reference(site: FlowSite, connector: str) -> str:
    """Return the name by which an environment knows the connection that a person chooses for a connector."""
    return f"{PREFIX}_{CONNECTIONS[connector]}_{site.mark}"
