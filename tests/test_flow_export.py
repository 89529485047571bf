"""`flow export`: the packages of the two flows, and what they do in the simulator."""

from __future__ import annotations

import json
import resource
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from itertools import product
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.__main__ import main
from core.graph import BadAnswer
from core.name_key import name_key
from core.problems import ProblemError
from core.sharepoint.flow.export import export_flows
from core.sharepoint.flow.expressions import call, key, value
from core.sharepoint.flow.flow_kinds import FLOWS, FlowKind, workflow
from core.sharepoint.flow.flow_site import FlowSite, read_site
from core.sharepoint.flow.guide import GUIDE_FILE, code, guide
from core.sharepoint.flow.package import package
from core.sharepoint.list_columns import resolve_columns
from simulator import Microsoft365
from simulator.columns import BUILT_IN, Column
from simulator.expressions import ExpressionError, check, evaluate
from simulator.flow import Flow
from simulator.flow_package import PackageError, read_package
from simulator.lists import ItemList
from simulator.site import HOST
from simulator.world import World
from tests.loggers import restored_loggers
from tests.office import PARAMETERS, Office, open_office
from tests.test_lists_provision import VALUES, Provider

SHORTAGE, CERTIFICATE = (kind.file for kind in FLOWS)
SCHEMA_FILE = Path(__file__).with_name("workflow_schema.json")
PREMIUM = "Microsoft 365 Business Premium (SPB)"


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    """The office of tests/office.py; what is tested here does not touch the database."""
    with open_office(tmp_path) as opened:
        yield opened


def site_of(office: Office) -> FlowSite:
    profile = office.services.profiles.load(office.now()).sharepoint
    return read_site(profile, office.services.publisher.lists(profile))


@pytest.fixture
def exported(office: Office, tmp_path: Path) -> Path:
    """The folder with the packages for the office's site, both imported and switched on in the simulator."""
    folder = tmp_path / "flows"
    export_flows(folder, site_of(office), "de")
    office.m365.flow.install(folder / SHORTAGE)
    office.m365.flow.install(folder / CERTIFICATE)
    return folder


def set_parameter(office: Office, name: str, value: str | None) -> None:
    (item,) = office.sharepoint.parameters.find(Parameter=name)
    office.sharepoint.parameters.update(item.id, {"Parameterwert": value})


# The shortage flow, driven by its definition


@pytest.mark.usefixtures("exported")
def test_a_tenant_that_runs_out_gives_one_message_and_the_fields_are_reset(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule <Höri> & 'Co'", skus={"SPB": (10, 8)})
    office.settle()
    assert office.messages == []

    tenant.set_sku("SPB", consumed=12)
    for _ in range(4):
        office.settle()

    assert office.messages == [f"Schule <Höri> & 'Co': {PREMIUM}"]
    row = office.row("Schule <Höri> & 'Co'")
    assert (row["trigger_inform_supporter"], row["technician_informed"]) == (False, True)
    (message,) = office.m365.flow.messages
    assert (message.channel, message.recipient) == ("E-Mail", "support@contoso.example")
    assert message.sender == "lizenzen@contoso.example"
    assert message.text == (
        f"Lizenzen aufgebraucht: {PREMIUM}, Schule <Höri> & 'Co'\n"
        f"<p>Bei Schule &lt;Höri&gt; &amp; 'Co' ist nichts mehr frei: {PREMIUM}.</p>"
        "<p>Verfügbar 10, verbraucht 12, frei -2.</p>"
        "<p>Bitte nachbestellen oder Zuweisungen prüfen. Zu diesem Engpass kommt keine weitere Nachricht.</p>"
    )
    assert office.m365.flow.failures == []


@pytest.mark.usefixtures("exported")
def test_refilled_and_out_again_is_told_once_more(office: Office) -> None:
    tenant = office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
    office.settle()

    tenant.set_sku("SPB", enabled=12)
    office.settle()
    tenant.set_sku("SPB", consumed=12)
    office.settle()

    assert office.messages == [f"Schule Höri: {PREMIUM}"] * 2


@pytest.mark.usefixtures("exported")
def test_nobody_is_told_about_a_tenant_that_is_not_monitored(office: Office) -> None:
    office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)}, monitoring=False)

    office.settle()

    assert office.messages == []
    assert office.row("Schule Höri")["trigger_inform_supporter"] is not True


@pytest.mark.usefixtures("exported")
def test_every_item_of_a_batch_is_told_once(office: Office) -> None:
    for number in range(3):
        office.m365.add_tenant(f"Tenant {number}", skus={"SPB": (5, 5), "SPE_E3": (2, 1)})

    office.settle()
    office.settle()

    assert sorted(office.messages) == [f"Tenant {number}: {PREMIUM}" for number in range(3)]
    assert office.m365.flow.runs == 1  # one for the batch, none for what the flow has written itself


@pytest.mark.parametrize(
    ("communication", "channels"),
    [
        pytest.param("E-Mail", ["E-Mail"], id="mail"),
        pytest.param("Teams", ["Teams"], id="teams"),
        pytest.param(" teams ", ["Teams"], id="blanks-and-case"),
        pytest.param("Fax", ["E-Mail", "Teams"], id="unknown"),
        pytest.param(None, ["E-Mail", "Teams"], id="empty"),
    ],
)
@pytest.mark.usefixtures("exported")
def test_communication_says_how_and_else_it_is_both(
    office: Office, communication: str | None, channels: list[str]
) -> None:
    set_parameter(office, "communication", communication)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    office.settle()
    office.settle()

    assert [message.channel for message in office.m365.flow.messages] == channels
    assert office.row("Bau AG Chur")["technician_informed"] is True


@pytest.mark.usefixtures("exported")
def test_many_changes_at_once_are_within_the_limits_of_an_expression(office: Office) -> None:
    for number in range(400):
        row = {"Title": f"{number} {'x' * 240}", "tenant": "y" * 250, "trigger_inform_supporter": number % 100 == 0}
        office.sharepoint.licenses.add(row)

    assert [office.m365.flow.run(), office.m365.flow.run()] == [4, 0]
    assert office.m365.flow.failures == []


def test_lists_that_the_product_has_made_are_told_by_the_exported_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Microsoft365(tmp_path / "m365") as m365:
        provider = Provider(tmp_path, m365, monkeypatch, capsys)
        assert provider.provision(*VALUES)[0] == 0
        assert provider.command("flow", "export", "--out", str(tmp_path / "flows"))[0] == 0
        m365.flow.install(tmp_path / "flows" / SHORTAGE)
        m365.flow.install(tmp_path / "flows" / CERTIFICATE)
        m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)}, certificate_days=3)
        with provider.office() as office:
            office.settle()
            office.settle()

        assert m365.flow.run_scheduled(datetime.now(UTC)) == 1
        assert [message.license for message in m365.flow.messages] == [PREMIUM, ""]
        assert m365.flow.failures == []


@pytest.mark.usefixtures("exported")
def test_without_a_sender_the_mail_comes_from_the_mailbox_of_the_connection(office: Office) -> None:
    set_parameter(office, "sendermail", None)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    office.settle()

    (message,) = office.m365.flow.messages
    assert (message.channel, message.sender) == ("E-Mail", "")


@pytest.mark.parametrize("communication", ["E-Mail", "Fax"])
@pytest.mark.usefixtures("exported")
def test_what_could_not_be_sent_keeps_its_trigger(office: Office, communication: str) -> None:
    set_parameter(office, "communication", communication)
    office.m365.flow.broken = {"E-Mail", "Teams"}
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    office.settle()

    assert office.messages == []
    assert office.row("Bau AG Chur")["trigger_inform_supporter"] is True
    assert "es wurde niemand benachrichtigt" in office.m365.flow.failures[-1]
    office.m365.flow.broken = set()
    office.later(hours=2)
    office.settle()
    assert set(office.messages) == {f"Bau AG Chur: {PREMIUM}"}
    assert office.row("Bau AG Chur")["technician_informed"] is True


@pytest.mark.parametrize(("broken", "works"), [("E-Mail", "Teams"), ("Teams", "E-Mail")])
@pytest.mark.usefixtures("exported")
def test_of_two_ways_one_is_enough_and_is_not_repeated(office: Office, broken: str, works: str) -> None:
    set_parameter(office, "communication", "beides")
    office.m365.flow.broken = {broken}
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    office.settle()
    office.later(hours=2)
    office.settle()

    assert [message.channel for message in office.m365.flow.messages] == [works]


@pytest.mark.usefixtures("exported")
def test_without_a_recipient_the_run_fails_and_says_so(office: Office) -> None:
    set_parameter(office, "recipientmail", "  ")
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    office.settle()

    assert office.messages == []
    assert "fehlt recipientmail" in office.m365.flow.failures[0]
    assert office.row("Bau AG Chur")["trigger_inform_supporter"] is True


@pytest.mark.usefixtures("exported")
def test_an_item_whose_trigger_is_taken_back_before_the_run_is_not_told(office: Office) -> None:
    """What the trigger has brought may be old by then: each item is read again."""
    item = office.sharepoint.licenses.add({"Title": "SPB", "tenant": "Schule Höri", "trigger_inform_supporter": True})
    office.sharepoint.licenses.update(item.id, {"trigger_inform_supporter": False})

    assert office.m365.flow.run() == 0


@pytest.mark.usefixtures("exported")
def test_a_required_column_of_ours_is_given_back_with_its_value(office: Office) -> None:
    office.sharepoint.licenses.change_column("Title", required=True)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    office.settle()

    assert office.row("Bau AG Chur")["technician_informed"] is True


@pytest.mark.usefixtures("exported")
def test_a_message_without_numbers_says_none(office: Office) -> None:
    office.sharepoint.licenses.add({"Title": "SPB", "tenant": "Schule Höri", "trigger_inform_supporter": True})

    office.m365.flow.run()

    (message,) = office.m365.flow.messages
    assert "<p>Verfügbar –, verbraucht –, frei –.</p>" in message.text


def test_a_parameter_that_is_a_choice_is_read_as_one(office: Office, tmp_path: Path) -> None:
    values = ("E-Mail", "Teams", "lizenzen@contoso.example", "support@contoso.example")
    office.sharepoint.parameters.change_column("Parameterwert", kind="choice", choices=values)
    export_flows(tmp_path / "flows", site_of(office), "de")
    office.m365.flow.install(tmp_path / "flows" / SHORTAGE)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    office.settle()

    assert office.messages == [f"Bau AG Chur: {PREMIUM}"]


@pytest.mark.usefixtures("exported")
def test_the_exported_flow_does_what_the_flow_of_the_simulator_does(office: Office) -> None:
    """The flow that is built in stands for the contract in all other tests; so the two must not drift apart."""
    built_in, listing = Flow(office.m365, "manual"), office.sharepoint.licenses
    item = listing.add({"Title": "SPB", "tenant": "Schule Höri", "Frei": 0})
    flags = ("trigger_inform_supporter", "technician_informed")

    def outcome(flow: Flow, *values: bool | None) -> tuple[object, ...]:
        listing.update(item.id, dict(zip(flags, values, strict=True)))
        flow.messages.clear()
        flow.run()
        flow.run()
        return [message[1:6] for message in flow.messages], [item.fields.get(flag) for flag in flags]

    for communication, *values in product(("E-Mail", "Teams"), (True, False, None), (True, False, None)):
        set_parameter(office, "communication", str(communication))
        expected = outcome(built_in, *values)
        assert outcome(office.m365.flow, *values) == expected, (communication, values)


# The certificate flow


@pytest.mark.usefixtures("exported")
def test_certificates_that_end_within_a_week_are_named_in_one_message(office: Office) -> None:
    today = datetime(2027, 3, 1, 6, tzinfo=UTC)
    for name, days in {"Heute": 0, "Sieben <Tage>": 7, "Acht Tage": 8, "Abgelaufen": -3}.items():
        office.sharepoint.tenants.add({"Title": name, "enabled": True, "cert_expires": str(today + timedelta(days))})
    office.sharepoint.tenants.add({"Title": "Aus", "enabled": False, "cert_expires": str(today)})
    office.sharepoint.tenants.add({"Title": "Ohne Datum", "enabled": True})

    assert office.m365.flow.run_scheduled(today) == 1

    (message,) = office.m365.flow.messages
    assert message.text == (
        "Zertifikate laufen ab: 3\n"
        "<p>Diese Zertifikate enden in den nächsten sieben Tagen oder sind bereits abgelaufen:</p>"
        "<p>Heute: 01.03.2027<br>Sieben &lt;Tage&gt;: 08.03.2027<br>Abgelaufen: 26.02.2027</p>"
        "<p>Nach dem Ende eines Zertifikats liest Lizenztool den Tenant nicht mehr. Bitte erneuern; bis dahin kommt "
        "diese Nachricht jeden Morgen.</p>"
    )
    assert office.m365.flow.failures == []


@pytest.mark.parametrize("kind", ["date", "dateTime"])
def test_the_week_is_counted_from_the_day_that_the_product_writes(office: Office, tmp_path: Path, kind: str) -> None:
    """The product writes 10:00 UTC of the last day; a column for dates alone keeps the midnight of the site."""
    office.sharepoint.tenants.change_column("cert_expires", kind=kind)
    export_flows(tmp_path / "flows", site_of(office), "de")
    office.m365.flow.install(tmp_path / "flows" / CERTIFICATE)
    office.sharepoint.tenants.add({"Title": "Schule Höri", "enabled": True, "cert_expires": "2027-03-09T10:00:00Z"})

    mornings = [datetime(2027, 3, day, 6, tzinfo=UTC) for day in (1, 2, 3)]
    assert [office.m365.flow.run_scheduled(morning) for morning in mornings] == [0, 1, 1]


@pytest.mark.usefixtures("exported")
def test_without_a_certificate_that_ends_nobody_is_told(office: Office) -> None:
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    assert office.m365.flow.run_scheduled(datetime.now(UTC)) == 0
    assert office.m365.flow.failures == []


# The packages


def test_two_exports_are_the_same_byte_for_byte(office: Office, exported: Path) -> None:
    before = {path.name: path.read_bytes() for path in exported.iterdir()}

    export_flows(exported, site_of(office), "de")

    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before
    assert set(before) == {SHORTAGE, CERTIFICATE, GUIDE_FILE}


def test_two_lists_share_no_name_that_an_environment_knows(office: Office) -> None:
    site = site_of(office)
    other = replace(site, list_ids={**site.list_ids, "license": "2f0d7f9f-93a5-4d3b-a9a8-2f9a3a1a2b3c"})

    for kind in FLOWS:
        assert names_in(package(kind, site, "de")).isdisjoint(names_in(package(kind, other, "de")))


def names_in(content: bytes) -> set[str]:
    """The names and ids by which an environment tells what it has already."""
    with zipfile.ZipFile(BytesIO(content)) as archive:
        manifest = ET.fromstring(archive.read("solution.xml"))
        customizations = ET.fromstring(archive.read("customizations.xml"))
    roots = {str(root.get("id") or root.get("schemaName")) for root in manifest.iter("RootComponent")}
    references = {str(one.get("connectionreferencelogicalname")) for one in customizations.iter("connectionreference")}
    return roots | references | {str(manifest.findtext("SolutionManifest/UniqueName"))}


@pytest.mark.parametrize("kind", FLOWS, ids=lambda kind: kind.unique_name)
def test_a_definition_keeps_to_the_schema(office: Office, kind: FlowKind) -> None:
    jsonschema.validate(workflow(kind, site_of(office), "de"), json.loads(SCHEMA_FILE.read_text("utf-8")))


@pytest.mark.parametrize("kind", FLOWS, ids=lambda kind: kind.unique_name)
def test_a_package_has_no_secret_and_is_switched_off(office: Office, kind: FlowKind) -> None:
    profile = office.services.profiles.load(office.now()).sharepoint

    content = package(kind, site_of(office), "de")

    for secret in (profile.client_id, profile.tenant_id, profile.certificate.thumbprint, "PRIVATE KEY"):
        assert secret.encode() not in content
    with zipfile.ZipFile(BytesIO(content)) as archive:
        (flow,) = ET.fromstring(archive.read("customizations.xml")).iter("Workflow")
    assert (flow.findtext("StateCode"), flow.findtext("StatusCode")) == ("0", "1")


def test_the_messages_speak_the_language_of_the_setting(office: Office, tmp_path: Path) -> None:
    export_flows(tmp_path / "flows", site_of(office), "en")
    office.m365.flow.install(tmp_path / "flows" / SHORTAGE)
    office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 5)})

    office.settle()

    assert office.m365.flow.messages[0].text.startswith(f"Licences used up: {PREMIUM}, Bau AG Chur")


def test_the_guide_names_site_settings_and_columns(exported: Path, office: Office) -> None:
    guide, site = (exported / GUIDE_FILE).read_text("utf-8"), site_of(office)

    for named in (site.address, SHORTAGE, CERTIFICATE, *(setting.value for setting in site.settings.values())):
        assert f"`{named}`" in guide
    assert "$" not in guide


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://firma.sharepoint.com/sites/support/", "https://firma.sharepoint.com/sites/support"),
        ("https://firma.sharepoint.com", "https://firma.sharepoint.com"),
        ("https://firma.sharepoint.com/sites/a%20b", "https://firma.sharepoint.com/sites/a%20b"),
        ("https://firma.sharepoint.com/sites/@{x}'ä", "https://firma.sharepoint.com/sites/%40%7Bx%7D%27%C3%A4"),
        ("http://firma.sharepoint.com/sites/support", None),
        ("https://me@firma.sharepoint.com/sites/support", None),
        (None, None),
    ],
)
def test_the_address_of_the_site_comes_from_graph(
    office: Office, monkeypatch: pytest.MonkeyPatch, given: object, address: str | None
) -> None:
    monkeypatch.setattr("simulator.sharepoint.site_row", lambda _: {"webUrl": given})

    if address is None:
        with pytest.raises(BadAnswer):
            site_of(office)
    else:
        assert site_of(office).address == address


@pytest.mark.parametrize(
    ("text", "shown"), [("a|b", "`a\\|b`"), ("`", "`` ` ``"), ("<b>*x*", "`<b>*x*`"), ("a``b", "``` a``b ```")]
)
def test_the_guide_shows_names_as_they_are(text: str, shown: str) -> None:
    assert code(text) == shown


# Names from outside

SIGNS = st.one_of(st.sampled_from("@{}'\\\"<&>]?[ _äß/|`"), st.characters(exclude_categories=("C", "Zl", "Zp")))
NAMES = st.text(SIGNS, min_size=1, max_size=12)
FIELDS = ("Verfügbar", "Gebraucht", "Frei", "Tenant", "Infosup", "technician_informed", "cert_expires", "Parameterwert")


@pytest.fixture(scope="module")
def odd_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    world = World(tmp_path_factory.mktemp("odd"))
    world.add_sharepoint()
    return world


def odd_site(world: World, names: Sequence[str], path: str) -> FlowSite:
    """The site with lists whose columns have these names, one item with its trigger set and a certificate that ends."""
    (site,) = world.sites
    site.path = f"/{path}"
    kinds = dict(zip(names, ["number"] * 3 + ["text"] + ["boolean"] * 2 + ["date", "text"], strict=True))
    columns = [Column(name, name, kind) for name, kind in kinds.items()]
    switches = [Column(name, name, "boolean") for name in ("enabled", "monitoring")]
    columns_by_title = {
        "Lizenzstatusliste": columns[:6],
        "Tenantliste": [*switches, columns[6]],
        "Parameterliste": [Column("Parameter", "Parameter"), columns[7]],
    }
    site.lists = [ItemList(f"{title}{path}", title, own, world.lock) for title, own in columns_by_title.items()]
    site.licenses.add({"Title": "SPB", names[0]: 1, names[3]: "A", names[4]: True})
    site.tenants.add({"Title": "A", "enabled": True, names[6]: str(datetime.now(UTC))})
    for parameter in PARAMETERS:
        site.parameters.add({"Parameter": parameter, names[7]: PARAMETERS[parameter]})
    mapping = {"Lizenzname": "Title", **dict(zip(FIELDS, names, strict=True))}
    lists = {"license": site.licenses, "tenant": site.tenants, "parameter": site.parameters}
    ours = {
        kind: resolve_columns(kind, mapping, [column.row(items.id) for column in items.columns.values()])
        for kind, items in lists.items()
    }
    ids = {kind: items.id for kind, items in lists.items()}
    return FlowSite(site.site_id, path, f"https://{HOST}/{path}", ids, ours)


@given(names=st.lists(NAMES, min_size=8, max_size=8, unique_by=name_key), path=NAMES)
@settings(max_examples=40, deadline=None)
def test_names_of_any_signs_are_quoted_right(odd_world: World, names: list[str], path: str) -> None:
    assume(not {name_key(name) for name in names} & {name_key(column.name) for column in BUILT_IN})
    site, flow = odd_site(odd_world, names, path), Flow(odd_world, "manual")
    for kind in FLOWS:
        file = odd_world.folder / kind.file
        file.write_bytes(package(kind, site, "de"))
        flow.install(file)

    sent = [flow.run(), flow.run(), flow.run_scheduled(datetime.now(UTC))]

    assert (sent, flow.failures) == ([1, 0, 1], [])
    (item,) = odd_world.sites[0].licenses.items
    assert (item.fields[names[4]], item.fields[names[5]]) == (False, True)
    assert code(path) in guide(site)


# What the simulator does not know it refuses


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(("@trim(", "@trin("), "unknown function trin", id="function"),
        pytest.param(('"Compose"', '"Composer"'), "unknown action Composer", id="action"),
        pytest.param(('"GetItems"', '"ReadItems"'), "unknown operation ReadItems", id="operation"),
        pytest.param(("", ""), "", id="as-it-is"),
        pytest.param(("body('Absender_suchen')", "body('Wer')"), "names nothing that is there", id="reference"),
        pytest.param(('"or": [', '"xor": ['), "unknown comparison xor", id="comparison"),
    ],
)
def test_a_definition_that_the_simulator_does_not_know_is_refused(
    exported: Path, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(exported / SHORTAGE) as before, zipfile.ZipFile(changed, "w") as after:
        for name in before.namelist():
            text = before.read(name).decode()
            after.writestr(name, text.replace(*change) if name.startswith("Workflows/") else text)

    with pytest.raises(PackageError, match=said) if said else nullcontext():
        read_package(changed)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("a'b", "a'b"),
        ("@concat('it''s @{x}', '')", "it's @{x}"),
        ("<@{string(null)}@{concat('a', 1, true)}>", "<nulla1True>"),
        ("@equals(1, true)", False),
        ("@first(null)", None),
        ("@triggerBody()?['a']?['b']", None),
        ("@triggerBody()['x y']", 3),
    ],
)
def test_expressions_are_evaluated_as_the_service_does(expression: str, value: object) -> None:
    assert evaluate(expression, {"triggerBody": lambda: {"x y": 3}}) == value


@pytest.mark.parametrize(
    "expression",
    [
        "@nothing()",
        "@trim(null)",
        "@concat('a'",
        "@@{x}",
        "me@example.ch",
        "@triggerBody()['gone']",
        "@trim('a') b",
        "@{1",
    ],
)
def test_expressions_that_the_service_refuses_are_errors(expression: str) -> None:
    with pytest.raises(ExpressionError):
        assert check(expression, {"triggerBody"}) == evaluate(expression, {"triggerBody": dict})


@given(text=NAMES)
def test_a_quoted_text_gives_itself(text: str) -> None:
    assert evaluate(value(text), {}) == text
    assert evaluate(value(call("concat", text, "")), {}) == text
    assert evaluate({key(text): 1}, {}) == {text: 1}


# The command


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with restored_loggers():
        result = main(["flow", "export", *arguments])
    printed = capsys.readouterr()
    return result, printed.out, printed.err


@pytest.fixture
def of_the_office(office: Office, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The command's own process: its settings, and the folder for its files."""
    monkeypatch.chdir(tmp_path)
    for name, setting in office.m365.environment().items():
        monkeypatch.setenv(name, setting)
    return tmp_path / "aus"


def test_the_command_writes_and_names_the_files(capsys: pytest.CaptureFixture[str], of_the_office: Path) -> None:
    result, out, _ = run(capsys, "--out", str(of_the_office), "--json")

    written = json.loads(out)
    assert result == 0
    assert written["files"] == [str(of_the_office / name) for name in (SHORTAGE, CERTIFICATE, GUIDE_FILE)]
    assert {str(path) for path in of_the_office.iterdir()} == set(written["files"])
    assert run(capsys, "--out", str(of_the_office))[0] == 0


def without_profile(office: Office, _folder: Path) -> None:
    office.sharepoint.profile_path.unlink()


def with_a_broken_profile(office: Office, _folder: Path) -> None:
    office.sharepoint.profile_path.write_text("{", "utf-8")


def with_a_file_in_its_place(_office: Office, folder: Path) -> None:
    folder.write_text("", "utf-8")


def with_a_foreign_package(_office: Office, folder: Path) -> None:
    folder.mkdir()
    (folder / SHORTAGE).write_bytes(b"PK of somebody else")


def with_a_foreign_guide(_office: Office, folder: Path) -> None:
    folder.mkdir()
    (folder / GUIDE_FILE).write_text("# Notizen", "utf-8")


def without_a_list(office: Office, _folder: Path) -> None:
    office.sharepoint.parameters.id = "2f0d7f9f-93a5-4d3b-a9a8-2f9a3a1a2b3c"


def without_the_date(office: Office, _folder: Path) -> None:
    office.sharepoint.tenants.remove_column("cert_expires")


def with_a_choice_as_trigger(office: Office, _folder: Path) -> None:
    office.sharepoint.licenses.change_column("trigger_inform_supporter", kind="choice")


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (without_profile, "Es gibt kein SharePoint-Profil in"),
        (with_a_broken_profile, "sharepoint/sp-config-support-profile.json ist nicht brauchbar"),
        (with_a_file_in_its_place, "lässt sich nicht schreiben"),
        (with_a_foreign_package, f"liegt schon {SHORTAGE}"),
        (with_a_foreign_guide, f"liegt schon {GUIDE_FILE}"),
        (without_a_list, "gibt es nicht (mehr)"),
        (without_the_date, "«cert_expires»"),
        (with_a_choice_as_trigger, "trigger_inform_supporter"),
    ],
    ids=lambda given: getattr(given, "__name__", ""),
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    capsys: pytest.CaptureFixture[str],
    office: Office,
    of_the_office: Path,
    prepare: Callable[[Office, Path], None],
    said: str,
) -> None:
    prepare(office, of_the_office)
    before = {path: path.read_bytes() for path in of_the_office.glob("*")}

    result, _, err = run(capsys, "--out", str(of_the_office))

    assert (result, said in err) == (2, True), err
    assert {path: path.read_bytes() for path in of_the_office.glob("*")} == before


def test_a_full_disk_leaves_the_earlier_export(office: Office, exported: Path) -> None:
    before = {path.name: path.read_bytes() for path in exported.iterdir()}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        with pytest.raises(ProblemError, match=str(exported)):
            export_flows(exported, site_of(office), "en")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert {path.name: path.read_bytes() for path in exported.iterdir()} == before
