"""Every text of the pages, key -> (German, English). German as in Switzerland: ss, neutral, no exclamation marks.

Values that come from outside are escaped by the caller (`ui.safe.plain`) wherever the text is Markdown.
"""

from __future__ import annotations

from ui import language as reader
from ui.rule_texts import RULE_TEXTS

TEXTS: dict[str, tuple[str, str]] = RULE_TEXTS | {
    # Navigation and frame
    "nav.start": ("Start", "Start"),
    "nav.alle-tenants": ("Alle Tenants", "All tenants"),
    "nav.tenant": ("Tenant", "Tenant"),
    "nav.monitoring": ("Monitoring", "Monitoring"),
    "account.signed_in": ("Angemeldet als {name}", "Signed in as {name}"),
    "account.sign_out": ("Abmelden", "Sign out"),
    "demo.banner": (
        "Demo mit erfundenen Tenants. Echte Tenants erscheinen, sobald das erste Profil im Profilordner liegt und das "
        "Lizenztool neu gestartet wurde.",
        "Demo with made-up tenants. Real ones appear once the first profile is in the profiles folder and "
        "Lizenztool has been restarted.",
    ),
    "identity.nobody": ("Hier ist niemand angemeldet.", "Nobody is signed in here."),
    "identity.sign_in": ("Zur Anmeldung", "Go to sign-in"),
    "identity.not_allowed": (
        "{name} darf diese Seite nicht sehen. Die Rolle vergibt, wer das Lizenztool verwaltet.",
        "{name} may not see this page. Whoever runs Lizenztool assigns the role.",
    ),
    "database.failed": ("Keine Zahlen verfügbar", "No figures available"),
    "database.no_answer": (
        "Die Datenbank antwortet zurzeit nicht; gezeigt wird der letzte bekannte Stand.",
        "The database does not answer at the moment; shown is what was known last.",
    ),
    "problem.technical": ("Technische Angabe", "Technical details"),
    "problem.unknown": (
        "Ein Fehler der Art «{code}» ist aufgetreten. Die technische Angabe nennt die Einzelheiten.",
        "A problem of the kind “{code}” occurred. The technical details tell more.",
    ),
    # Age of the figures
    "age.line": (
        "Stand {time} · {read} von {total} Tenants · älteste Angabe {oldest}",
        "As of {time} · {read} of {total} tenants · oldest reading {oldest}",
    ),
    "age.nothing": ("Noch kein Tenant gelesen", "No tenant read yet"),
    "age.nothing_help": (
        "«Aktualisieren» liest alle Tenants zum ersten Mal.",
        "“Refresh” reads all tenants for the first time.",
    ),
    "age.newest": ("Zuletzt gelesen {time} ({ago}).", "Last read {time} ({ago})."),
    "age.oldest": ("Älteste Angabe {time} ({tenant}).", "Oldest reading {time} ({tenant})."),
    "age.failing": ("Beim letzten Versuch nicht lesbar: {count}.", "Not readable at the last attempt: {count}."),
    "age.never": ("Noch nie gelesen: {count}.", "Never read: {count}."),
    # Refresh
    "refresh.button": ("Aktualisieren", "Refresh"),
    "refresh.button_help": (
        "Diese Seite zeigt, was zuletzt gelesen wurde (Nur ansehen). «Aktualisieren» liest alle Tenants jetzt bei "
        "Microsoft und schreibt danach die SharePoint-Listen.",
        "This page shows what was read last (view). “Refresh” reads all tenants from Microsoft now "
        "and then writes the SharePoint lists.",
    ),
    "refresh.one": ("Nur diesen aktualisieren", "Refresh this one only"),
    "refresh.one_help": (
        "Liest nur diesen Tenant jetzt bei Microsoft und schreibt seine Zeilen in SharePoint.",
        "Reads only this tenant from Microsoft now and writes its rows to SharePoint.",
    ),
    "refresh.unavailable": (
        "Aktualisieren ist nur möglich, wenn das Lizenztool mit «python app.py» läuft.",
        "Refreshing needs Lizenztool to be started with “python app.py”.",
    ),
    "refresh.starting": ("Aktualisierung wird gestartet", "Refresh is starting"),
    "refresh.step.profiles": ("Profile werden geprüft", "Checking profiles"),
    "refresh.step.lists": ("SharePoint-Listen werden gelesen", "Reading the SharePoint lists"),
    "refresh.step.tenants": ("Tenants werden gelesen", "Reading tenants"),
    "refresh.step.sharepoint": ("SharePoint wird geschrieben", "Writing SharePoint"),
    "refresh.counts": ("{step}: {done} von {total}", "{step}: {done} of {total}"),
    "refresh.by": (" · gestartet von {name}", " · started by {name}"),
    "refresh.newer": ("Neuere Zahlen vorhanden", "Newer figures available"),
    "refresh.show": ("Anzeigen", "Show"),
    # Result of a refresh
    "result.read": (
        "**Aktualisiert:** {ok} von {tenants} Tenants in {seconds} s gelesen.",
        "**Refreshed:** {ok} of {tenants} tenants read in {seconds} s.",
    ),
    "result.failed_run": (
        "**Die Aktualisierung ist misslungen.** Das Protokoll nennt die Einzelheiten; «Aktualisieren» versucht es erneut.",
        "**The refresh failed.** The log has the details; “Refresh” tries again.",
    ),
    "result.interrupted_run": (
        "**Die Aktualisierung wurde abgebrochen.** Was gelesen war, ist gespeichert; der nächste Lauf holt den Rest nach.",
        "**The refresh was interrupted.** What had been read is kept; the next refresh makes up for the rest.",
    ),
    "result.new": ("Neue Engpässe ({count}): {which}", "New shortages ({count}): {which}"),
    "result.ended": ("Behoben ({count}): {which}", "Resolved ({count}): {which}"),
    "result.no_change": ("Keine neuen und keine behobenen Engpässe.", "No new and no resolved shortages."),
    "result.failed": ("**{tenant}** nicht gelesen: {why}", "**{tenant}** not read: {why}"),
    "result.more_failed": ("und {count} weitere, siehe Monitoring", "and {count} more, see Monitoring"),
    "result.skipped": ("Nicht aktiv und darum ausgelassen: {tenants}", "Inactive and therefore left out: {tenants}"),
    "result.sharepoint": ("SharePoint: {why}", "SharePoint: {why}"),
    "result.dismiss": ("Schliessen", "Close"),
    # Start
    "answer.none": ("Keine Engpässe.", "No shortages."),
    "answer.none_known": ("Keine Engpässe bekannt.", "No shortages known."),
    "answer.nothing_read": (
        "Noch nichts gelesen. «Aktualisieren» holt die ersten Zahlen.",
        "Nothing read yet. “Refresh” fetches the first figures.",
    ),
    "answer.shortages": ("{count} Engpässe in {where}.", "{count} shortages in {where}."),
    "answer.shortages_one": ("1 Engpass in {where}.", "1 shortage in {where}."),
    "answer.all_read": (
        "{read} von {total} Tenants gelesen, zuletzt {ago}.",
        "{read} of {total} tenants read, last {ago}.",
    ),
    "answer.some_read": (
        "Nur {read} von {total} Tenants gelesen, zuletzt {ago}; für {missing} gilt der letzte bekannte Stand oder gar keiner.",
        "Only {read} of {total} tenants read, last {ago}; for {missing} the last known figures count, or none.",
    ),
    "answer.stale": ("Die älteste Angabe ist {span} alt.", "The oldest reading is {span} old."),
    "tenants.one": ("1 Tenant", "1 tenant"),
    "tenants.many": ("{count} Tenants", "{count} tenants"),
    "tile.shortages": ("Engpässe", "Shortages"),
    "tile.shortages.open": ("Engpässe ansehen", "View shortages"),
    "tile.over": ("überbelegt", "over-assigned"),
    "tile.over.open": ("Überbelegte ansehen", "View over-assigned"),
    "tile.low": ("wird knapp", "running low"),
    "tile.low.open": ("Knappe ansehen", "View low"),
    "tile.unreadable": ("nicht lesbar", "not readable"),
    "tile.unreadable.open": ("Tenants ansehen", "View tenants"),
    "tile.certificates": ("Zertifikate < 30 Tage", "Certificates < 30 days"),
    "tile.certificates.open": ("Zertifikate ansehen", "View certificates"),
    "start.shortages": ("Engpässe jetzt", "Shortages now"),
    "start.no_shortages": (
        "In den gelesenen Tenants ist zurzeit keine bezahlte Lizenz ausgeschöpft.",
        "No paid licence is used up in the tenants that were read.",
    ),
    "start.attention": ("Braucht Aufmerksamkeit", "Needs attention"),
    "attention.unreadable": (
        "**{tenant}** konnte seit {since} nicht gelesen werden. {why}",
        "**{tenant}** could not be read since {since}. {why}",
    ),
    "attention.unreadable_many": (
        "**{count} Tenants** ({names} und {more} weitere) konnten seit {since} nicht gelesen werden. {why}",
        "**{count} tenants** ({names} and {more} more) could not be read since {since}. {why}",
    ),
    "attention.never_read": (
        "Noch nie gelesen: {names}. Der nächste Lauf holt das nach, oder «Aktualisieren».",
        "Never read: {names}. The next refresh makes up for it, or “Refresh”.",
    ),
    "attention.cert_ended": (
        "Das Zertifikat von **{tenant}** ist seit {days} Tagen abgelaufen. Ein neues erstellen und in der "
        "App-Registrierung hochladen.",
        "The certificate of **{tenant}** ended {days} days ago. Create a new one and upload it to the app registration.",
    ),
    "attention.cert_ends": (
        "Das Zertifikat von **{tenant}** endet in {days} Tagen. Vorher ein neues erstellen und in der App-Registrierung "
        "hochladen.",
        "The certificate of **{tenant}** ends in {days} days. Create a new one before and upload it to the app registration.",
    ),
    "attention.cert_today": (
        "Das Zertifikat von **{tenant}** endet innerhalb von 24 Stunden. Jetzt ein neues erstellen und in der "
        "App-Registrierung hochladen.",
        "The certificate of **{tenant}** ends within 24 hours. Create a new one now and upload it to the app registration.",
    ),
    "attention.more_faults": (" (und {count} weitere Fehler)", " (and {count} more faults)"),
    "attention.names": (
        "Die Produktnamen können nicht gelesen werden: {fault} Bis dahin stehen Artikelnummern statt Namen.",
        "The product names cannot be read: {fault} Until then part numbers stand for names.",
    ),
    "attention.no_sharepoint": (
        "Ohne SharePoint-Profil wird niemand über Engpässe benachrichtigt; sie stehen nur hier.",
        "Without a SharePoint profile nobody is told about shortages; they are shown only here.",
    ),
    "attention.not_listed": (
        "Nicht in der Tenantliste und darum nicht überwacht: {names}.",
        "Not in the tenant list and therefore not monitored: {names}.",
    ),
    "attention.open": ("Ansehen →", "View →"),
    "attention.more": ("{count} weitere im Monitoring ansehen", "View {count} more in Monitoring"),
    "empty.tenants": (
        "**Noch kein Tenant.** Ein Profil als `config-<slug>-profile.json` in den Ordner {folder} legen und das Zertifikat an den Ort, "
        "den es nennt. Der nächste Lauf nimmt beides auf, ohne Neustart. `python -m core cert new SLUG` erstellt Schlüssel "
        "und Zertifikat, die Anleitung beschreibt jeden Schritt.",
        "**No tenant yet.** Put a profile named `config-<slug>-profile.json` into the folder {folder} and the certificate where it says. "
        "The next refresh takes both, without a restart. `python -m core cert new SLUG` makes key and certificate; "
        "the guide describes every step.",
    ),
    # Words of a licence
    "state.shortage": ("Engpass", "short"),
    "state.over": ("überbelegt", "over-assigned"),
    "state.low": ("knapp", "low"),
    "state.grace": ("Nachfrist", "grace period"),
    "state.suspended": ("ausgesetzt", "suspended"),
    "state.gone": ("entfallen", "gone"),
    "state.used_up": ("ausgeschöpft", "used up"),
    "state.ok": ("ausreichend", "ok"),
    "filter.state.shortage": ("Engpass (alle)", "shortage (all)"),
    "filter.state.over": ("überbelegt", "over-assigned"),
    "filter.state.low": ("knapp", "low"),
    "filter.state.grace": ("Nachfrist", "grace period"),
    "filter.state.suspended": ("ausgesetzt", "suspended"),
    "filter.state.gone": ("entfallen", "gone"),
    "filter.state.used_up": ("ausgeschöpft, ohne Meldung", "used up, not told"),
    "filter.state.ok": ("ausreichend", "ok"),
    "kind.paid": ("bezahlt", "paid"),
    "kind.free": ("gratis", "free"),
    "kind.trial": ("Test", "trial"),
    "kind.not_per_user": ("nicht pro Benutzer", "not per user"),
    "alarm.told": ("gemeldet", "told"),
    "alarm.pending": ("wird gemeldet", "will be told"),
    "alarm.waiting": ("wartet auf Flow", "waiting for flow"),
    "alarm.unanswered": ("⚠ Flow antwortet nicht", "⚠ flow does not answer"),
    "alarm.not_monitored": ("nicht überwacht", "not monitored"),
    "alarm.no_sharepoint": ("kein SharePoint", "no SharePoint"),
    # Columns
    "column.state": ("Zustand", "State"),
    "column.tenant": ("Tenant", "Tenant"),
    "column.product": ("Produkt", "Product"),
    "column.part_number": ("Artikelnummer (SKU)", "Part number (SKU)"),
    "column.enabled": ("Verfügbar", "Available"),
    "column.consumed": ("Verbraucht", "Used"),
    "column.free": ("Frei", "Free"),
    "column.utilisation": ("Auslastung %", "Utilisation %"),
    "column.renewal": ("Erneuerung", "Renewal"),
    "column.short_since": ("Engpass seit", "Short since"),
    "column.kind": ("Art", "Kind"),
    "column.sku_id": ("SKU-ID", "SKU id"),
    "column.since": ("seit", "for"),
    "column.alarm": ("Meldung", "Message"),
    "column.status": ("Status", "Status"),
    "column.seats": ("Lizenzen", "Seats"),
    "column.trial": ("Test", "Trial"),
    "column.next_date": ("Nächster Termin", "Next date"),
    "column.days_left": ("Tage bis dahin", "Days left"),
    "column.enabled_switch": ("Aktiv", "Active"),
    "column.monitored": ("Überwachung", "Monitoring"),
    "column.condition": ("Lesen", "Reading"),
    "column.last_read": ("Zuletzt gelesen", "Last read"),
    "column.cert_days": ("Zertifikat (Tage)", "Certificate (days)"),
    "column.shortages": ("Engpässe", "Shortages"),
    "column.flow": ("Flow", "Flow"),
    "column.parameter": ("Parameter", "Parameter"),
    "column.value": ("Wert", "Value"),
    "column.check": ("Prüfung", "Check"),
    # Alle Tenants
    "filter.search": ("Suche", "Search"),
    "filter.search_hint": ("Tenant, Produkt oder SKU", "Tenant, product or SKU"),
    "filter.tenant": ("Tenant", "Tenant"),
    "filter.state": ("Zustand", "State"),
    "filter.kind": ("Art", "Kind"),
    "filter.sort": ("Reihenfolge", "Order"),
    "filter.all": ("alle", "all"),
    "filter.reset": ("Filter zurücksetzen", "Reset filters"),
    "sort.worst": ("Schlimmste zuerst", "Worst first"),
    "sort.tenant": ("Tenant", "Tenant"),
    "sort.product": ("Produkt", "Product"),
    "sort.free": ("Wenigste frei", "Fewest free"),
    "sort.utilisation": ("Höchste Auslastung", "Highest utilisation"),
    "sort.renewal": ("Nächste Erneuerung", "Next renewal"),
    "sort.since": ("Längster Engpass", "Longest shortage"),
    "table.count": ("**{shown}** von {total} Zeilen", "**{shown}** of {total} rows"),
    "table.hint": (
        "Eine Zeile links ankreuzen öffnet ihren Tenant.",
        "Ticking a row on its left opens its tenant.",
    ),
    "table.no_match": (
        "Keine Zeile passt zu diesen Filtern. «Filter zurücksetzen» zeigt wieder alle.",
        "No row matches these filters. “Reset filters” shows all again.",
    ),
    "table.nothing_read": (
        "Noch keine Lizenzen gelesen. «Aktualisieren» holt die ersten Zahlen.",
        "No licences read yet. “Refresh” fetches the first figures.",
    ),
    "csv.view": ("CSV der Ansicht", "CSV of this view"),
    "csv.all": ("CSV alles", "CSV of everything"),
    "csv.table": ("CSV", "CSV"),
    # Tenant
    "tenant.back": ("← Zurück zu allen Tenants", "← Back to all tenants"),
    "tenant.choose": ("Tenant wählen", "Choose a tenant"),
    "tenant.unknown": (
        "Einen Tenant «{slug}» gibt es hier nicht; gezeigt wird der erste der Liste.",
        "There is no tenant “{slug}” here; shown is the first of the list.",
    ),
    "tenant.active": ("aktiv", "active"),
    "tenant.inactive": ("nicht aktiv, wird nicht gelesen", "inactive, not read"),
    "tenant.monitored": ("überwacht", "monitored"),
    "tenant.not_monitored": ("nicht überwacht", "not monitored"),
    "tenant.read": ("gelesen {time} ({ago})", "read {time} ({ago})"),
    "tenant.never_read": ("noch nie gelesen", "never read"),
    "tenant.cert_days": ("Zertifikat noch {days} Tage (bis {until})", "certificate {days} more days (until {until})"),
    "tenant.cert_ended": ("Zertifikat abgelaufen am {until}", "certificate ended on {until}"),
    "tenant.cert_unknown": ("Zertifikat unbekannt", "certificate unknown"),
    "tenant.failing": (
        "Seit {since} nicht lesbar; gezeigt wird der letzte bekannte Stand. {why}",
        "Not readable since {since}; shown is what was known last. {why}",
    ),
    "tenant.licenses": ("Lizenzen", "Licences"),
    "tenant.licenses_of": ("Lizenzen von {tenant}", "Licences of {tenant}"),
    "tenant.licenses_hint": (
        "Eine Zeile links ankreuzen zeigt ihren Verlauf.",
        "Ticking a row on its left shows its history.",
    ),
    "tenant.no_licenses": (
        "Für diesen Tenant sind keine Lizenzen bekannt. «Nur diesen aktualisieren» liest ihn jetzt.",
        "No licences are known for this tenant. “Refresh this one only” reads it now.",
    ),
    "tenant.not_shown": (
        "Dieser Tenant ist nicht aktiv und wird nicht gelesen. Einschalten lässt er sich im Monitoring.",
        "This tenant is inactive and not read. It can be switched on in Monitoring.",
    ),
    "history.title": ("Verlauf", "History"),
    "history.product": ("Produkt", "Product"),
    "history.none": ("Noch kein Verlauf; er beginnt mit dem ersten Lesen.", "No history yet; it starts with the first reading."),
    "history.first_day": ("Der Verlauf beginnt heute und wächst täglich.", "The history starts today and grows daily."),
    "history.alt": (
        "Verlauf von {product} bei {tenant}: verfügbare und verbrauchte Lizenzen pro Tag",
        "History of {product} at {tenant}: available and used seats per day",
    ),
    "history.enabled": ("Verfügbar", "Available"),
    "history.consumed": ("Verbraucht", "Used"),
    "history.day": ("Tag", "Day"),
    "history.seats": ("Lizenzen", "Seats"),
    "subscriptions.title": ("Abonnements", "Subscriptions"),
    "subscriptions.of": ("Abonnements von {tenant}", "Subscriptions of {tenant}"),
    "subscriptions.none": ("Dieser Tenant hat keine Abonnements.", "This tenant has no subscriptions."),
    "subscriptions.unread": ("Die Abonnements wurden noch nie gelesen.", "The subscriptions were never read."),
    "subscriptions.problem": (
        "Die Termine können nicht gelesen werden. {why}",
        "The dates cannot be read. {why}",
    ),
    "subscriptions.trial": ("Test", "trial"),
    "subscription.enabled": ("aktiv", "active"),
    "subscription.warning": ("Nachfrist", "grace period"),
    "subscription.suspended": ("ausgesetzt", "suspended"),
    "subscription.lockedout": ("gesperrt", "locked out"),
    "subscription.deleted": ("gelöscht", "deleted"),
    # Monitoring
    "monitoring.show": ("Welche Tenants", "Which tenants"),
    "monitoring.show.all": ("Alle", "All"),
    "monitoring.show.unreadable": ("nicht lesbar", "not readable"),
    "monitoring.show.certificates": ("Zertifikat < 30 Tage", "certificate < 30 days"),
    "monitoring.show.flow": ("Meldung offen", "message pending"),
    "monitoring.show.off": ("ausgeschaltet", "switched off"),
    "monitoring.table": ("Tenants mit ihren Schaltern", "Tenants with their switches"),
    "monitoring.none_shown": ("Hier ist zurzeit kein Tenant.", "There is no tenant here at the moment."),
    "monitoring.no_sharepoint": (
        "Kein SharePoint-Profil: die Schalter gelten nur hier, und niemand wird über Engpässe benachrichtigt. Mit einem Profil im Ordner "
        "`profiles/sharepoint` übernimmt die Tenantliste.",
        "No SharePoint profile: the switches count only here, and nobody is told about shortages. With a profile in "
        "`profiles/sharepoint` the tenant list takes over.",
    ),
    "monitoring.lists_read": ("SharePoint-Listen gelesen {time}", "SharePoint lists read {time}"),
    "monitoring.lists_unread": (
        "Die SharePoint-Listen wurden noch nie gelesen.",
        "The SharePoint lists were never read.",
    ),
    "monitoring.differences": ("Liste und Profile", "List and profiles"),
    "monitoring.not_listed": (
        "Mit Profil, aber nicht in der Tenantliste; diese werden gelesen, aber nicht überwacht:",
        "With a profile but not in the tenant list; these are read but not monitored:",
    ),
    "monitoring.add": ("In Liste aufnehmen", "Add to list"),
    "monitoring.add_all": ("Alle {count} aufnehmen", "Add all {count}"),
    "monitoring.strangers": (
        "In der Tenantliste, aber ohne Profil; diese werden nicht gelesen. Profil anlegen oder Zeile löschen:",
        "In the tenant list but without a profile; these are not read. Create the profile or delete the row:",
    ),
    "condition.read": ("lesbar", "readable"),
    "condition.failing": ("✗ nicht lesbar", "✗ not readable"),
    "condition.unread": ("noch nie gelesen", "never read"),
    "condition.off": ("ausgeschaltet", "switched off"),
    "flow.waiting": ("wartet", "waiting"),
    "flow.unanswered": ("⚠ antwortet nicht", "⚠ does not answer"),
    "switch.enabled.help": ("Wird gelesen und in SharePoint geführt.", "Is read and kept in SharePoint."),
    "switch.monitored.help": ("Engpässe werden gemeldet.", "Shortages are told."),
    "switch.pending": ("{count} Tenants geändert, noch nicht gespeichert.", "{count} tenants changed, not saved yet."),
    "switch.pending_one": ("1 Tenant geändert, noch nicht gespeichert.", "1 tenant changed, not saved yet."),
    "switch.discard": ("Verwerfen", "Discard"),
    "switch.review": ("Prüfen und speichern", "Review and save"),
    "switch.ask": ("{count} Tenants ändern?", "Change {count} tenants?"),
    "switch.ask_one": ("1 Tenant ändern?", "Change 1 tenant?"),
    "switch.ask.enabled.on": ("{count} Tenants aktiv schalten?", "Switch {count} tenants to active?"),
    "switch.ask.enabled.off": ("{count} Tenants inaktiv schalten?", "Switch {count} tenants to inactive?"),
    "switch.ask.monitored.on": (
        "Überwachung für {count} Tenants einschalten?",
        "Switch monitoring on for {count} tenants?",
    ),
    "switch.ask.monitored.off": (
        "Überwachung für {count} Tenants ausschalten?",
        "Switch monitoring off for {count} tenants?",
    ),
    "switch.ask_one.enabled.on": ("1 Tenant aktiv schalten?", "Switch 1 tenant to active?"),
    "switch.ask_one.enabled.off": ("1 Tenant inaktiv schalten?", "Switch 1 tenant to inactive?"),
    "switch.ask_one.monitored.on": ("Überwachung für 1 Tenant einschalten?", "Switch monitoring on for 1 tenant?"),
    "switch.ask_one.monitored.off": ("Überwachung für 1 Tenant ausschalten?", "Switch monitoring off for 1 tenant?"),
    "switch.warning": (
        "Es werden keine Engpässe mehr gemeldet für: {tenants}.",
        "Shortages will no longer be told for: {tenants}.",
    ),
    "switch.enabled.on": ("wird aktiv", "becomes active"),
    "switch.enabled.off": ("wird inaktiv und nicht mehr gelesen", "becomes inactive and is no longer read"),
    "switch.monitored.on": ("Überwachung ein", "monitoring on"),
    "switch.monitored.off": ("Überwachung aus", "monitoring off"),
    "switch.apply": ("Speichern", "Save"),
    "switch.cancel": ("Abbrechen", "Cancel"),
    "switch.done": ("Gespeichert: {tenants}.", "Saved: {tenants}."),
    "switch.failed": ("**{tenant}** nicht geändert. {why}", "**{tenant}** not changed. {why}"),
    "switch.now": (
        "Jetzt gilt: {enabled}, {monitored}.",
        "Now set: {enabled}, {monitored}.",
    ),
    "switch.now.active": ("aktiv", "active"),
    "switch.now.off": ("nicht aktiv", "inactive"),
    "switch.unavailable": (
        "Schalten ist nur möglich, wenn das Lizenztool mit «python app.py» läuft.",
        "Switching needs Lizenztool to be started with “python app.py”.",
    ),
    "parameters.title": ("Parameter des Flows", "Parameters of the flow"),
    "parameters.what": (
        "Aus der Parameterliste in SharePoint. Fehlt einer, wird niemand benachrichtigt.",
        "From the parameter list in SharePoint. If one is missing, nobody is told.",
    ),
    "parameters.ok": ("✓ in Ordnung", "✓ in order"),
    "parameters.missing": ("✗ fehlt", "✗ missing"),
    "profiles.broken": ("Profile mit Fehlern", "Profiles with faults"),
}  # fmt: skip


def text(key: str, language: str | None = None, /, **values: object) -> str:
    """The text in `language` (default: the reader's), with its values put in."""
    german, english = TEXTS[key]
    return (english if (language or reader.current()) == "en" else german).format_map(values)
