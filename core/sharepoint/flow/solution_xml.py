"""The XML files of a solution package: what is in it, and what a flow needs in its environment.

Microsoft describes how a package is exported and imported, not its files; they are built as an export writes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree import ElementTree as ET

from core.bounds import bounded_text
from core.sharepoint.flow.actions import CONNECTORS, OUTLOOK, SHAREPOINT, TEAMS
from core.sharepoint.flow.flow_kinds import (
    CONNECTIONS,
    FlowKind,
    reference,
    settings_of,
    title,
    unique_name,
    workflow_file,
    workflow_id,
)
from core.sharepoint.flow.flow_site import PREFIX, FlowSite, Setting

VERSION = "1.0.0.0"  # of the flows; a higher one when they change
WORKFLOW, ENVIRONMENT_VARIABLE = "29", "380"  # types of components
LANGUAGES = ("1033", "1031")  # English, which every environment has, and German
NAMES = {SHAREPOINT: "SharePoint", OUTLOOK: "Office 365 Outlook", TEAMS: "Microsoft Teams"}
NIL = {"xsi:nil": "true"}
XSI = {"xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance"}
LONGEST_TEXT = 4000
LONGEST_SITE_NAME = 150  # the name of a solution has at most 256 characters


def content_types() -> ET.Element:
    """Return the list of the kinds of file in a package."""
    root = ET.Element("Types", {"xmlns": "http://schemas.openxmlformats.org/package/2006/content-types"})
    for extension in ("xml", "json"):
        _add(root, "Default", {"Extension": extension, "ContentType": "application/octet-stream"})
    return root


def solution(kind: FlowKind, site: FlowSite) -> ET.Element:
    """Return the manifest: names, publisher, and the components of the package."""
    attributes = {"version": "9.2.0.0", "SolutionPackageVersion": "9.2", "languagecode": LANGUAGES[0]}
    root = ET.Element("ImportExportXml", attributes | {"generatedBy": "CrmLive"} | XSI)
    manifest = _add(root, "SolutionManifest")
    _add(manifest, "UniqueName", text=unique_name(kind, site))
    _labels(manifest, "LocalizedName", f"Lizenztool: {title(kind, site)} ({site.name[:LONGEST_SITE_NAME]})")
    _labels(manifest, "Description", f"{kind.description} {site.address}")
    _add(manifest, "Version", text=VERSION)
    _add(manifest, "Managed", text="0")
    _publisher(manifest)
    components = _add(manifest, "RootComponents")
    _add(components, "RootComponent", {"type": WORKFLOW, "id": f"{{{workflow_id(kind, site)}}}", "behavior": "0"})
    for setting in settings_of(kind, site):
        variable = {"type": ENVIRONMENT_VARIABLE, "schemaName": setting.schema_name, "behavior": "0"}
        _add(components, "RootComponent", variable)
    _add(manifest, "MissingDependencies")
    return root


def _publisher(manifest: ET.Element) -> None:
    publisher = _add(manifest, "Publisher")
    _add(publisher, "UniqueName", text="lizenztool")
    _labels(publisher, "LocalizedName", "Lizenztool")
    _add(publisher, "Descriptions")
    _add(publisher, "EMailAddress", NIL)
    _add(publisher, "SupportingWebsiteUrl", NIL)
    _add(publisher, "CustomizationPrefix", text=PREFIX)
    _add(publisher, "CustomizationOptionValuePrefix", text="71420")
    addresses = _add(publisher, "Addresses")
    for number in ("1", "2"):
        address = _add(addresses, "Address")
        _add(address, "AddressNumber", text=number)
        _add(address, "AddressTypeCode", text="1")


def customizations(kind: FlowKind, site: FlowSite) -> ET.Element:
    """Return what the environment is to know of the flow, and the connections that it needs."""
    root = ET.Element("ImportExportXml", XSI)
    for name in ("Entities", "Roles"):
        _add(root, name)
    _workflow(_add(root, "Workflows"), kind, site)
    for name in ("FieldSecurityProfiles", "Templates", "EntityMaps", "EntityRelationships", "OrganizationSettings"):
        _add(root, name)
    for name in ("optionsets", "CustomControls", "EntityDataProviders"):
        _add(root, name)
    _connections(_add(root, "connectionreferences"), site)
    languages = _add(root, "Languages")
    for code in LANGUAGES:
        _add(languages, "Language", text=code)
    return root


# A flow of the cloud (category 5), switched off (states 0 and 1): a person switches it on when it has been tested.
WORKFLOW_VALUES: Mapping[str, str] = {
    "Type": "1", "Subprocess": "0", "Category": "5", "Mode": "0", "Scope": "4", "OnDemand": "0",
    "TriggerOnCreate": "0", "TriggerOnDelete": "0", "AsyncAutodelete": "0", "SyncWorkflowLogOnFailure": "0",
    "StateCode": "0", "StatusCode": "1", "RunAs": "1", "IsTransacted": "1", "IntroducedVersion": VERSION,
    "IsCustomizable": "1", "BusinessProcessType": "0", "IsCustomProcessingStepAllowedForOtherPublishers": "1",
    "ModernFlowType": "0", "PrimaryEntity": "none",
}  # fmt: skip


def _workflow(parent: ET.Element, kind: FlowKind, site: FlowSite) -> None:
    name = title(kind, site)
    element = _add(parent, "Workflow", {"WorkflowId": f"{{{workflow_id(kind, site)}}}", "Name": name})
    _add(element, "JsonFileName", text=f"/{workflow_file(kind, site)}")
    for field, content in WORKFLOW_VALUES.items():
        _add(element, field, text=content)
    _labels(element, "LocalizedName", name)
    _labels(element, "Description", kind.description)


def _connections(parent: ET.Element, site: FlowSite) -> None:
    for connector in CONNECTIONS:
        element = _add(parent, "connectionreference", {"connectionreferencelogicalname": reference(site, connector)})
        _add(element, "connectionreferencedisplayname", text=f"Lizenztool {NAMES[connector]} {site.mark}")
        _add(element, "connectorid", text=f"{CONNECTORS}/{connector}")
        for field, content in {
            "iscustomizable": "1",
            "promptingbehavior": "0",
            "statecode": "0",
            "statuscode": "1",
        }.items():
            _add(element, field, text=content)


def environment_variable(setting: Setting) -> ET.Element:
    """Return the definition of an environment variable with its value for this site."""
    root = ET.Element("environmentvariabledefinition", {"schemaname": setting.schema_name})
    _add(root, "defaultvalue", text=setting.value)
    for name, content in {"description": setting.description, "displayname": setting.display}.items():
        element = _add(root, name, {"default": content})
        for code in LANGUAGES:
            _add(element, "label", {"description": content, "languagecode": code})
    values = {
        "introducedversion": VERSION,
        "iscustomizable": "1",
        "isrequired": "0",
        "secretstore": "0",
        "type": "100000000",
    }
    for field, content in values.items():
        _add(root, field, text=content)
    return root


def _labels(parent: ET.Element, name: str, content: str) -> None:
    """Add a text in every language: `<LocalizedNames><LocalizedName description="..." languagecode="..."/>`."""
    group = _add(parent, f"{name}s")
    for code in LANGUAGES:
        _add(group, name, {"description": content, "languagecode": code})


def _add(parent: ET.Element, name: str, attributes: Mapping[str, str] | None = None, text: str = "") -> ET.Element:
    """Add an element; signs that XML cannot hold are left out of its texts."""
    clean = {key: bounded_text(content, LONGEST_TEXT) for key, content in (attributes or {}).items()}
    element = ET.SubElement(parent, name, clean)
    element.text = bounded_text(text, LONGEST_TEXT) or None
    return element


def as_file(root: ET.Element) -> bytes:
    """Return the content of an XML file."""
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"
