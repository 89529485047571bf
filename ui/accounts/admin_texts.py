"""The texts of the pages Konten, Programme and Mein Konto, key -> (German, English); part of `ui.texts.TEXTS`."""

from __future__ import annotations

ADMIN_TEXTS: dict[str, tuple[str, str]] = {
    "nav.section": ("Verwaltung", "Administration"),
    "nav.konten": ("Konten", "Accounts"),
    "nav.programme": ("Programme", "Programs"),
    "nav.mein-konto": ("Mein Konto", "My account"),
    # Words of an account
    "role.viewer": ("viewer · ansehen", "viewer · look"),
    "role.support": ("support · ansehen und aktualisieren", "support · look and refresh"),
    "role.admin": ("admin · alles", "admin · everything"),
    "provider.local": ("Passwort", "password"),
    "provider.entra": ("Microsoft", "Microsoft"),
    "accounts.active": ("zugelassen", "enabled"),
    "accounts.disabled": ("gesperrt", "disabled"),
    "column.name": ("Name", "Name"),
    "column.account": ("Konto", "Account"),
    "column.provider": ("Anmeldung mit", "Signs in with"),
    "column.role": ("Rolle", "Role"),
    "column.access": ("Zugang", "Access"),
    "column.second_factor": ("Zweiter Faktor", "Second factor"),
    "column.last_sign_in": ("Letzte Anmeldung", "Last sign-in"),
    "column.sessions": ("Sitzungen", "Sessions"),
    # Konten
    "accounts.table": ("Alle Konten", "All accounts"),
    "accounts.intro": (
        "Wer sich mit einem Passwort anmeldet, wird hier verwaltet. Konten mit Microsoft-Anmeldung entstehen bei der ersten "
        "Anmeldung; ihre Rolle kommt aus Entra, gesperrt werden können sie hier.",
        "Who signs in with a password is managed here. Accounts with Microsoft sign-in appear at their first "
        "sign-in; their role comes from Entra, they can be disabled here.",
    ),
    "accounts.hint": (
        "Eine Zeile links ankreuzen, um das Konto zu ändern.",
        "Tick a row on its left to change the account.",
    ),
    "accounts.own": (
        "Das eigene Passwort und den eigenen zweiten Faktor ändert die Seite «Mein Konto».",
        "Your own password and second factor are changed on the page “My account”.",
    ),
    "accounts.add": ("Konto hinzufügen", "Add account"),
    "accounts.add_now": ("Hinzufügen", "Add"),
    "accounts.added": ("Konto **{name}** hinzugefügt.", "Account **{name}** added."),
    "accounts.name": ("Kontoname oder E-Mail-Adresse", "Account name or e-mail address"),
    "accounts.role": ("Rolle", "Role"),
    "accounts.generate": ("Passwort erzeugen", "Generate a password"),
    "accounts.password": ("Passwort", "Password"),
    "accounts.change_role": ("Rolle ändern", "Change role"),
    "accounts.role_title": ("Rolle von {name} ändern", "Change the role of {name}"),
    "accounts.role_what": (
        "Offene Sitzungen enden; die neue Rolle gilt ab der nächsten Anmeldung.",
        "Open sessions end; the new role counts from the next sign-in.",
    ),
    "accounts.role_own": (
        "Das ist das eigene Konto: Auch diese Sitzung endet.",
        "This is your own account: this session ends, too.",
    ),
    "accounts.role_changed": ("**{name}** hat jetzt die Rolle {role}.", "**{name}** now has the role {role}."),
    "accounts.new_password": ("Neues Passwort", "New password"),
    "accounts.password_title": ("Neues Passwort für {name}", "New password for {name}"),
    "accounts.password_what": (
        "Es wird erzeugt und einmal gezeigt; die nächste Anmeldung verlangt ein eigenes. Das bisherige gilt sofort nicht mehr, offene Sitzungen enden.",
        "It is generated and shown once; the next sign-in asks for one of their own. The former one ends at once, so do open sessions.",
    ),
    "accounts.password_now": ("Passwort erzeugen", "Generate password"),
    "accounts.password_set": ("**{name}** hat ein neues Passwort.", "**{name}** has a new password."),
    "accounts.disable": ("Sperren", "Disable"),
    "accounts.disable_title": ("{name} sperren?", "Disable {name}?"),
    "accounts.disable_what": (
        "Keine Anmeldung mehr. Offene Sitzungen enden sofort, Programmzugänge dieses Kontos ebenso; diese bleiben auch beendet, "
        "wenn das Konto wieder zugelassen wird.",
        "No sign-in any more. Open sessions end at once, so does access for programs that this account gave; the latter stays ended "
        "also when the account is enabled again.",
    ),
    "accounts.disabled_now": ("**{name}** ist gesperrt.", "**{name}** is disabled."),
    "accounts.enable": ("Zulassen", "Enable"),
    "accounts.enabled_now": ("**{name}** ist wieder zugelassen.", "**{name}** is enabled again."),
    "accounts.factor": ("Zweiten Faktor entfernen", "Remove second factor"),
    "accounts.factor_title": ("Zweiten Faktor von {name} entfernen?", "Remove the second factor of {name}?"),
    "accounts.factor_what": (
        "Für den Verlust des Geräts. Danach genügt das Passwort, bis wieder einer eingerichtet wird.",
        "For a lost device. Afterwards the password is enough until another one is set up.",
    ),
    "accounts.factor_now": ("Entfernen", "Remove"),
    "accounts.factor_removed": (
        "**{name}** hat keinen zweiten Faktor mehr.",
        "**{name}** has no second factor any more.",
    ),
    "accounts.enable_title": ("{name} wieder zulassen?", "Enable {name} again?"),
    "accounts.enable_what": (
        "Die Anmeldung geht wieder, mit der Rolle {role}. Zugänge für Programme, die dieses Konto gegeben hat, bleiben zu Ende.",
        "Signing in works again, with the role {role}. Access for programs that this account gave stays ended.",
    ),
    "accounts.gone": (
        "Das Konto «{name}» ist nicht mehr dasselbe; es wurde nichts geändert. Bitte neu wählen.",
        "The account “{name}” is no longer the same; nothing was changed. Please choose again.",
    ),
    "accounts.cancel": ("Abbrechen", "Cancel"),
    "secret.once": (
        "Wird nur jetzt gezeigt und ist nirgends gespeichert. Auf sicherem Weg weitergeben.",
        "Shown only now and stored nowhere. Pass it on in a safe way.",
    ),
    "secret.close": ("Notiert, ausblenden", "Noted, hide it"),
    # Sitzungen
    "sessions.title": ("Offene Sitzungen", "Open sessions"),
    "sessions.own_title": ("Eigene Sitzungen", "Own sessions"),
    "sessions.what": (
        "Eine Sitzung endet nach 8 Stunden, nach einer Stunde ohne Tätigkeit oder hier, dann sofort in allen Tabs.",
        "A session ends after 8 hours, after an idle hour, or here, then at once in every tab.",
    ),
    "sessions.hint": ("Eine Zeile links ankreuzen, um Sitzungen zu beenden.", "Tick a row on its left to end sessions."),
    "sessions.none": ("Keine offene Sitzung.", "No open session."),
    "sessions.this": ("diese hier", "this one"),
    "sessions.end": ("Diese Sitzung beenden", "End this session"),
    "sessions.end_all": ("Alle Sitzungen von {name} beenden", "End all sessions of {name}"),
    "sessions.end_own": ("Alle eigenen Sitzungen beenden", "End all own sessions"),
    "sessions.ended": ("{count} Sitzungen von **{name}** beendet.", "{count} sessions of **{name}** ended."),
    "sessions.ended_one": ("Sitzung von **{name}** beendet.", "Session of **{name}** ended."),
    "sessions.end_title": ("Diese Sitzung von {name} beenden?", "End this session of {name}?"),
    "sessions.end_all_title": ("Alle Sitzungen von {name} beenden?", "End all sessions of {name}?"),
    "sessions.which": ("Angemeldet seit {since} · {address} · {browser}", "Signed in since {since} · {address} · {browser}"),
    "sessions.password": ("Eigenes Passwort", "Your own password"),
    "sessions.type_name": ("Zur Bestätigung eintippen: {name}", "To confirm, type: {name}"),
    "sessions.end_now": ("Beenden", "End"),
    "sessions.gone": ("Diese Sitzung war schon zu Ende.", "This session was over already."),
    "column.session_since": ("Seit", "Since"),
    "column.last_seen": ("Zuletzt tätig", "Last active"),
    "column.address": ("Adresse", "Address"),
    "column.browser": ("Browser", "Browser"),
    "column.which": ("Eigene", "Own"),
    "browser.unknown": ("unbekannt", "unknown"),
    # Programme
    "tokens.intro": (
        "Zugänge für Programme, die Zahlen über die Schnittstelle unter /api/v1 lesen. Ein Zugang kann nie mehr als das Konto, das ihn "
        "erstellt hat, und endet mit ihm.",
        "Access for programs that read figures through the interface at /api/v1. It can never do more than the account that created "
        "it, and ends with it.",
    ),
    "tokens.table": ("Zugänge für Programme", "Access for programs"),
    "tokens.none": ("Noch kein Programm hat einen Zugang.", "No program has access yet."),
    "tokens.hint": ("Eine Zeile links ankreuzen, um den Zugang zu widerrufen.", "Tick a row on its left to revoke it."),
    "tokens.add": ("Zugang erstellen", "Create access"),
    "tokens.name": ("Wofür", "What for"),
    "tokens.name_hint": ("zum Beispiel Wochenbericht", "for example weekly report"),
    "tokens.role": ("Rolle", "Role"),
    "tokens.until": ("Gültig bis und mit (höchstens ein Jahr)", "Valid through (at most a year)"),
    "tokens.create": ("Erstellen", "Create"),
    "tokens.created": ("Zugang **{name}** erstellt.", "Access **{name}** created."),
    "tokens.secret": ("Das Programm schickt ihn als «Authorization: Bearer …».",
                      "The program sends it as “Authorization: Bearer …”."),
    "tokens.revoke": ("Widerrufen", "Revoke"),
    "tokens.revoke_title": ("Zugang {name} widerrufen?", "Revoke the access {name}?"),
    "tokens.revoke_what": (
        "Das Programm bekommt ab sofort keine Antwort mehr. Das lässt sich nicht rückgängig machen, nur durch einen neuen Zugang ersetzen.",
        "The program gets no answer from now on. This cannot be undone, only be replaced by a new access.",
    ),
    "tokens.revoked": ("Zugang **{name}** widerrufen.", "Access **{name}** revoked."),
    "tokens.state.valid": ("gültig", "valid"),
    "tokens.state.expired": ("abgelaufen", "expired"),
    "tokens.state.revoked": ("widerrufen", "revoked"),
    "column.token": ("Wofür", "What for"),
    "column.token_state": ("Zustand", "State"),
    "column.created_by": ("Erstellt von", "Created by"),
    "column.created_on": ("Erstellt", "Created"),
    "column.expires": ("Gültig bis", "Valid until"),
    "column.last_used": ("Zuletzt benutzt", "Last used"),
    # Mein Konto
    "own.who": ("{name} · Rolle {role}", "{name} · role {role}"),
    "own.password_due": (
        "Das Passwort von **{name}** hat jemand anderes gesetzt. Zuerst ein eigenes wählen; damit geht es weiter.",
        "Somebody else has set the password of **{name}**. First choose one of your own; then it goes on.",
    ),
    "own.password": ("Passwort", "Password"),
    "own.password_current": ("Bisheriges Passwort", "Current password"),
    "own.password_new": ("Neues Passwort", "New password"),
    "own.password_again": ("Neues Passwort, noch einmal", "New password, once more"),
    "own.password_rules": (
        "Mindestens 8 Zeichen mit Klein- und Grossbuchstabe, Ziffer und Sonderzeichen; nicht leicht zu erraten.",
        "At least 8 characters with lower and upper case, a digit and a special character; not easy to guess.",
    ),
    "own.password_change": ("Passwort ändern", "Change password"),
    "own.password_ends": (
        "Danach enden alle eigenen Sitzungen, auch diese; die Anmeldung mit dem neuen Passwort folgt gleich.",
        "All own sessions end then, this one, too; the sign-in with the new password follows at once.",
    ),
    "own.password_differs": ("Die beiden neuen Passwörter sind nicht gleich.", "The two new passwords differ."),
    "own.password_missing": ("Bitte alle drei Felder ausfüllen.", "Please fill in all three fields."),
    "own.entra": (
        "Dieses Konto meldet sich mit Microsoft an. Passwort, zweiter Faktor und Rolle werden dort verwaltet.",
        "This account signs in with Microsoft. Password, second factor and role are managed there.",
    ),
    "own.factor": ("Zweiter Faktor", "Second factor"),
    "own.factor_on": (
        "Eingerichtet seit {since}. Unbenutzte Wiederherstellungscodes: {codes}.",
        "Set up since {since}. Unused recovery codes: {codes}.",
    ),
    "own.factor_off": (
        "Nicht eingerichtet. Mit einem zweiten Faktor fragt die Anmeldung nach dem Passwort einen Code aus einer App wie "
        "Microsoft Authenticator.",
        "Not set up. With a second factor the sign-in asks for a code of an app such as Microsoft Authenticator "
        "after the password.",
    ),
    "own.factor_password": ("Passwort dieses Kontos", "Password of this account"),
    "own.factor_begin": ("Einrichten", "Set up"),
    "own.factor_scan": (
        "1. In der App ein Konto hinzufügen und dieses Bild erfassen, oder den Schlüssel eintippen:",
        "1. Add an account in the app and scan this picture, or type the key:",
    ),
    "own.factor_code_step": (
        "2. Den Code eingeben, den die App zeigt:",
        "2. Enter the code that the app shows:",
    ),
    "own.factor_code": ("Code", "Code"),
    "own.factor_confirm": ("Bestätigen", "Confirm"),
    "own.factor_done": (
        "**Der zweite Faktor ist eingerichtet.** Jeder dieser Wiederherstellungscodes öffnet einmal, wenn das Gerät verloren ist. "
        "Sie werden nur jetzt gezeigt.",
        "**The second factor is set up.** Each of these recovery codes opens once if the device is lost. "
        "They are shown only now.",
    ),
    "own.factor_remove": ("Entfernen", "Remove"),
    "own.factor_remove_what": (
        "Zum Entfernen einen Code der App oder einen Wiederherstellungscode eingeben.",
        "To remove it, enter a code of the app or a recovery code.",
    ),
    "own.factor_removed": ("Der zweite Faktor ist entfernt.", "The second factor is removed."),
}  # fmt: skip
