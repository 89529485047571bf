"""The texts of the rules, key -> (German, English); part of `ui.texts.TEXTS`."""

from __future__ import annotations

RULE_TEXTS: dict[str, tuple[str, str]] = {
    "nav.regeln": ("Regeln", "Rules"),
    "state.hidden": ("ausgeblendet", "hidden"),
    "filter.state.hidden": ("ausgeblendet", "hidden"),
    "column.rule": ("Regel", "Rule"),
    "column.threshold": ("Alarm ab", "Alarm at"),
    "column.warn": ("Knapp ab", "Low at"),
    "column.mode": ("Art der Regel", "Kind of rule"),
    "column.threshold_help": ("Alarm ab so vielen freien Lizenzen", "Alarm at so many free seats"),
    "column.warn_help": ("Knapp ab so vielen freien Lizenzen", "Low at so many free seats"),
    "column.reason": ("Grund", "Reason"),
    "column.author": ("Von", "By"),
    "column.created": ("Erstellt", "Created"),
    "column.until": ("Gilt bis", "Until"),
    "column.rows": ("In Tenants", "In tenants"),
    "column.why": ("Grund", "Reason"),
    # What holds
    "rule.intro": (
        "**Standard:** Bezahlte Lizenzen alarmieren, wenn keine mehr frei ist. Knapp sind sie ab 5 % freien, mindestens ab einer; "
        "bei weniger als 20 Lizenzen gibt es keine Vorwarnung.",
        "**Standard:** paid licences alarm when none is free. They are low from 5 % free, at least from one; "
        "with fewer than 20 seats there is no early warning.",
    ),
    "rule.order": (
        "Eine Regel für ein Produkt eines Tenants geht vor einer für den ganzen Tenant, und diese vor dem Standard. Jede Angabe "
        "wird für sich geerbt. Auf den Seiten gilt eine Änderung sofort, für Meldungen ab der nächsten Aktualisierung.",
        "A rule for a product of a tenant comes before one for the whole tenant, and that before the standard. Each value "
        "is inherited on its own. A change holds on the pages at once, for messages from the next refresh.",
    ),
    "rule.table": ("Ausnahmen", "Exceptions"),
    "rule.none": ("Keine Ausnahmen: überall gilt der Standard.", "No exceptions: the standard holds everywhere."),
    "rule.hint": (
        "Eine Zeile links ankreuzen, um sie zu ändern oder zu beenden.",
        "Tick a row on its left to change or end it.",
    ),
    "rule.all_tenants": ("Alle Tenants", "All tenants"),
    "rule.all_products": ("Alle Produkte", "All products"),
    "rule.over": ("abgelaufen", "over"),
    "rule.mode.inherit": ("geerbt", "inherited"),
    "rule.mode.alarm": ("alarmiert", "alarms"),
    "rule.mode.edge": ("auf Kante gewollt", "full on purpose"),
    "rule.mode.show_only": ("nur anzeigen", "show only"),
    "rule.mode.hidden": ("ausblenden", "hide"),
    "rule.mode.anyway": ("alarmiert trotzdem", "alarms all the same"),
    "rule.mode_help": (
        "Auf Kante gewollt: null frei ist in Ordnung, weniger nicht. Nur anzeigen: alarmiert nie. Ausblenden: alarmiert nie und steht "
        "nur mit dem Filter «ausgeblendet» in den Tabellen. Alarmiert trotzdem: auch gratis, Test oder nicht pro Benutzer.",
        "Full on purpose: none free is fine, fewer is not. Show only: never alarms. Hide: never alarms and is in the tables "
        "only with the filter “hidden”. Alarms all the same: even if free of charge, a trial or not per user.",
    ),
    # The column of the licence tables
    "rule.level.standard": ("Standard", "Standard"),
    "rule.level.tenant": ("Tenant", "Tenant"),
    "rule.level.sku": ("Produkt", "Product"),
    "rule.what.threshold": ("Alarm ab {count} frei", "alarm at {count} free"),
    "rule.what.warn": ("knapp ab {count} frei", "low at {count} free"),
    "rule.what.alarm": ("alarmiert", "alarms"),
    "rule.what.edge": ("auf Kante gewollt", "full on purpose"),
    "rule.what.show_only": ("nur anzeigen", "show only"),
    "rule.what.hidden": ("ausgeblendet", "hidden"),
    "rule.what.anyway": ("alarmiert trotzdem", "alarms all the same"),
    "table.hidden": ("{count} ausgeblendet", "{count} hidden"),
    "start.no_shortages_by_rule": (
        "Zurzeit alarmiert keine Lizenz. Ausgeschöpft, aber durch Regeln ausgenommen: {count}.",
        "No licence alarms at the moment. Used up but exempt by rules: {count}.",
    ),
    # The form
    "rule.add": ("Ausnahme hinzufügen", "Add an exception"),
    "rule.change": ("Ändern", "Change"),
    "rule.end": ("Beenden", "End"),
    "rule.new_title": ("Neue Ausnahme", "New exception"),
    "rule.change_title": ("Ausnahme ändern", "Change the exception"),
    "rule.end_title": ("Ausnahme für {scope} beenden?", "End the exception for {scope}?"),
    "rule.tenant": ("Tenant", "Tenant"),
    "rule.product": ("Produkt", "Product"),
    "rule.threshold": ("Alarm ab so vielen freien", "Alarm at so many free"),
    "rule.warn": ("Knapp ab so vielen freien", "Low at so many free"),
    "rule.inherited": ("geerbt", "inherited"),
    "rule.reason": ("Grund (Pflicht)", "Reason (required)"),
    "rule.reason_hint": ("z. B. Reserve für Eintritte im August", "e.g. spare seats for August"),
    "rule.until": ("Gilt bis und mit (leer: unbefristet)", "Until and including (empty: no end)"),
    "rule.gone": (
        "Diese Ausnahme ist nicht mehr dieselbe; es wurde nichts geändert. Bitte neu wählen.",
        "This exception is no longer the same; nothing was changed. Please choose again.",
    ),
    "rule.replaces": (
        "Für diese Auswahl gibt es schon eine Ausnahme; Speichern ersetzt sie.",
        "There is an exception for this choice already; saving replaces it.",
    ),
    "rule.save": ("Speichern", "Save"),
    "rule.cancel": ("Abbrechen", "Cancel"),
    "rule.saved": ("Gespeichert: {scope}.", "Saved: {scope}."),
    "rule.ended": ("Beendet: {scope}. Dort gilt wieder, was geerbt wird.", "Ended: {scope}. What is inherited holds again."),
    # What it would change
    "rule.effect.none": ("An den heutigen Zahlen ändert das nichts.", "That changes nothing in today's figures."),
    "rule.effect.stop": ("{count} Lizenzen würden nicht mehr alarmieren.", "{count} licences would no longer alarm."),
    "rule.effect.start": ("{count} Lizenzen würden neu alarmieren.", "{count} more licences would alarm."),
    "rule.effect.low_more": ("{count} Lizenzen wären neu knapp.", "{count} more licences would be low."),
    "rule.effect.low_less": ("{count} Lizenzen wären nicht mehr knapp.", "{count} licences would no longer be low."),
    "rule.effect.hide": ("{count} Lizenzen würden ausgeblendet.", "{count} licences would be hidden."),
    "rule.effect.show": ("{count} Lizenzen würden wieder angezeigt.", "{count} licences would be shown again."),
    "rule.effect_one.stop": ("1 Lizenz würde nicht mehr alarmieren.", "1 licence would no longer alarm."),
    "rule.effect_one.start": ("1 Lizenz würde neu alarmieren.", "1 more licence would alarm."),
    "rule.effect_one.low_more": ("1 Lizenz wäre neu knapp.", "1 more licence would be low."),
    "rule.effect_one.low_less": ("1 Lizenz wäre nicht mehr knapp.", "1 licence would no longer be low."),
    "rule.effect_one.hide": ("1 Lizenz würde ausgeblendet.", "1 licence would be hidden."),
    "rule.effect_one.show": ("1 Lizenz würde wieder angezeigt.", "1 licence would be shown again."),
    "rule.fault.missing": ("Ein Grund gehört dazu.", "A reason is needed."),
    "rule.fault.too_long": ("Der Grund ist zu lang (höchstens 300 Zeichen).", "The reason is too long (300 characters at most)."),
    "rule.fault.changes_nothing": (
        "Diese Ausnahme sagt noch nichts: eine Schwelle, eine Vorwarnung oder eine Art wählen.",
        "This exception says nothing yet: choose a threshold, a warning or a kind.",
    ),
    # Products that do not alarm by their kind
    "rule.silent_kinds": ("Ohne Alarm wegen ihrer Art", "No alarm because of their kind"),
    "rule.silent_kinds_what": (
        "Gratisprodukte, Tests und Produkte, die nicht pro Benutzer vergeben werden, alarmieren nicht. Eine Ausnahme «alarmiert trotzdem» "
        "ändert das für ein Produkt eines Tenants.",
        "Free products, trials and products that are not assigned per user do not alarm. An exception “alarms all the same” "
        "changes that for a product of a tenant.",
    ),
    "rule.why.applies_to": ("gilt nicht für Benutzer (appliesTo)", "does not apply to users (appliesTo)"),
    "rule.why.trial_subscription": ("alle Abonnements sind Tests", "every subscription is a trial"),
    "rule.why.mapping": ("so in sku_mappings.json", "says sku_mappings.json"),
    "rule.why.name": ("nach der Artikelnummer", "by its part number"),
    "rule.why.large_pool": ("runde, sehr grosse Anzahl", "a round, very large number"),
}  # fmt: skip
