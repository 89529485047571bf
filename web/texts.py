"""Words of the pages that are not Streamlit: sign-in, sign-out and what the gate answers (de, en)."""

from __future__ import annotations

from string import Template

LANGUAGES = ("de", "en")

_WORDS: dict[str, tuple[str, str]] = {
    # key: (Deutsch, English)
    "about": (
        "Zeigt, welche Microsoft-365-Lizenzen in allen Tenants frei sind, wo welche fehlen und ob es schon gemeldet ist.",
        "Shows which Microsoft 365 licences are free in all tenants, where some are short and whether it was reported.",
    ),
    "too_large": (
        "Diese Adresse oder ihre Kopfzeilen sind zu lang. Weniger Filter wählen oder die Cookies dieser Seite löschen.",
        "This address or its headers are too long. Choose fewer filters, or delete the cookies of this site.",
    ),
    "exports": (
        "Zu viele Dateien: höchstens 30 in der Minute. In einer Minute nochmals herunterladen.",
        "Too many files: at most 30 a minute. Download it again in a minute.",
    ),
    "sign_in_title": ("Anmelden", "Sign in"),
    "name": ("Konto", "Account"),
    "password": ("Passwort", "Password"),
    "sign_in_button": ("Anmelden", "Sign in"),
    "wrong": ("Konto oder Passwort stimmt nicht.", "Account or password is wrong."),
    "wait": (
        "Zu viele Versuche. Der nächste ist in $time möglich.",
        "Too many attempts. The next one is possible in $time.",
    ),
    "second": ("1 Sekunde", "1 second"),
    "seconds": ("$count Sekunden", "$count seconds"),
    "minutes": ("$count Minuten", "$count minutes"),
    "reason_out": ("Abgemeldet.", "Signed out."),
    "reason_revoked": ("Diese Sitzung wurde beendet.", "This session was ended."),
    "reason_idle": (
        "Nach einer Stunde ohne Eingabe wurde die Sitzung beendet.",
        "The session ended after one hour without input.",
    ),
    "reason_expired": (
        "Nach acht Stunden ist eine neue Anmeldung nötig.",
        "After eight hours a new sign-in is needed.",
    ),
    "reason_code": (
        "Die Zeit für den Code ist abgelaufen. Nochmals mit dem Passwort beginnen.",
        "The time for the code is over. Begin with the password again.",
    ),
    "microsoft_button": ("Mit Microsoft anmelden", "Sign in with Microsoft"),
    "microsoft_broken": (
        "Die Anmeldung mit Microsoft ist falsch eingerichtet; «python -m core check» sagt, was fehlt.",
        "Signing in with Microsoft is set up wrongly; “python -m core check” says what is missing.",
    ),
    "or_local": ("oder mit einem lokalen Konto", "or with a local account"),
    "emergency": ("Notfall-Anmeldung", "Emergency sign-in"),
    "emergency_note": (
        "Nur für lokale Konten mit der Rolle admin.",
        "Only for local accounts with the role admin.",
    ),
    "code_title": ("Zweiter Faktor", "Second factor"),
    "code_label": ("Code", "Code"),
    "code_hint": (
        "Die sechs Ziffern der Authenticator-App, oder ein Wiederherstellungscode.",
        "The six digits of the authenticator app, or a recovery code.",
    ),
    "code_button": ("Weiter", "Continue"),
    "wrong_code": (
        "Dieser Code stimmt nicht oder wurde schon verwendet. Den nächsten der App eintippen.",
        "This code is wrong or was used before. Type the next one of the app.",
    ),
    "code_unreadable": (
        "Die Codes der App lassen sich zurzeit nicht prüfen. Einen Wiederherstellungscode eintippen, oder sich an eine Person mit der Rolle admin wenden.",
        "Codes of the app cannot be checked at present. Type a recovery code, or ask somebody with the role admin.",
    ),
    "refused_title": ("Anmeldung nicht möglich", "Sign-in not possible"),
    "refused_tenant": (
        "Dieses Microsoft-Konto gehört zu einer anderen Organisation. Zugelassen sind nur Konten der eigenen.",
        "This Microsoft account belongs to another organisation. Only accounts of our own are admitted.",
    ),
    "refused_role": (
        "Diesem Microsoft-Konto ist im Lizenztool keine Rolle zugewiesen. Wer Microsoft Entra verwaltet, weist sie zu: Unternehmensanwendungen → Lizenztool → Benutzer und Gruppen. Sie gilt ab der nächsten Anmeldung.",
        "This Microsoft account has no role in Lizenztool. Whoever manages Microsoft Entra assigns it: Enterprise applications → Lizenztool → Users and groups. It counts from the next sign-in.",
    ),
    "refused_old": (
        "Die letzte Anmeldung bei Microsoft liegt zu lange zurück. Dort nochmals anmelden.",
        "The last sign-in at Microsoft is too long ago. Sign in there once more.",
    ),
    "refused_disabled": (
        "Dieses Konto ist im Lizenztool gesperrt. Wer dort die Rolle admin hat, kann es wieder freigeben.",
        "This account is disabled in Lizenztool. Whoever has the role admin there can enable it again.",
    ),
    "refused_token": (
        "Die Antwort von Microsoft passt nicht zu dieser Anmeldung. Nochmals versuchen; bleibt es dabei, die Uhr des Servers und das Profil in profiles/auth prüfen.",
        "The answer of Microsoft does not fit this sign-in. Try again; if it stays like this, check the server's clock and the profile in profiles/auth.",
    ),
    "refused_expired": (
        "Diese Anmeldung ist abgelaufen, schon verwendet oder in einem anderen Browser begonnen worden. Nochmals beginnen.",
        "This sign-in has expired, was used already or was begun in another browser. Begin again.",
    ),
    "refused_cancelled": (
        "Die Anmeldung bei Microsoft wurde abgebrochen.",
        "The sign-in at Microsoft was cancelled.",
    ),
    "refused_provider": (
        "Microsoft hat die Anmeldung abgelehnt. Der Grund steht im Protokoll des Servers.",
        "Microsoft has refused the sign-in. The reason is in the log of the server.",
    ),
    "refused_away": (
        "Microsoft ist nicht erreichbar. Später nochmals versuchen, oder mit einem lokalen Konto anmelden.",
        "Microsoft cannot be reached. Try again later, or sign in with a local account.",
    ),
    "retry_other": ("Mit einem anderen Konto anmelden", "Sign in with another account"),
    "retry": ("Nochmals versuchen", "Try again"),
    "to_sign_in": ("Zurück zur Anmeldung", "Back to the sign-in"),
    "demo": (
        "Demo mit erfundenen Daten. Konto «admin»; das Passwort steht beim ersten Start in der Konsole.",
        "Demo with made-up data. Account “admin”; the console shows the password at the first start.",
    ),
    "sign_out_title": ("Abmelden", "Sign out"),
    "sign_out_question": (
        "Die Sitzung wird in allen Tabs dieses Browsers beendet.",
        "This ends the session in every tab of this browser.",
    ),
    "sign_out_button": ("Abmelden", "Sign out"),
    "back": ("Zurück", "Back"),
    "signed_in_as": ("Angemeldet als $name.", "Signed in as $name."),
    "language": ("Sprache", "Language"),
    "host": (
        "Unter diesem Namen ist das Lizenztool nicht freigegeben. Den Namen in LIZENZTOOL_ALLOWED_HOSTS eintragen "
        "und neu starten, oder die IP-Adresse verwenden.",
        "Lizenztool is not released under this name. Add the name to LIZENZTOOL_ALLOWED_HOSTS and restart, "
        "or use the IP address.",
    ),
    "foreign": (
        "Diese Anfrage kommt von einer fremden Seite und wurde nicht ausgeführt.",
        "This request comes from a foreign page and was not carried out.",
    ),
    "database": (
        "Die Datenbank antwortet nicht; die Anmeldung kann nicht geprüft werden. Später nochmals versuchen.",
        "The database does not answer; the sign-in cannot be checked. Try again later.",
    ),
    "no_page_404": ("Diese Seite gibt es nicht", "There is no such page"),
    "no_page_403": ("Für diese Seite reicht die Rolle nicht", "This page is not for this role"),
    "no_page_busy": ("Zu viele offene Tabs", "Too many open tabs"),
    "no_page_busy_what": (
        "Mit dieser Anmeldung oder von dieser Adresse aus sind so viele Tabs offen, wie zugleich möglich sind. "
        "Schliessen Sie andere, und öffnen Sie danach die Startseite.",
        "With this sign-in or from this address as many tabs are open as are possible at a time. "
        "Close others, then open the start page.",
    ),
    "no_page_404_what": (
        "Die Adresse ist falsch geschrieben oder veraltet.",
        "The address is misspelt or out of date.",
    ),
    "no_page_403_what": (
        "Wer die Rolle admin hat, kann dem Konto eine andere geben.",
        "Whoever has the role admin can give the account another one.",
    ),
    "to_start": ("Zur Startseite", "To the start page"),
    "sign_in": ("Zuerst anmelden.", "Sign in first."),
    "failed": (
        "Auf dem Server ist ein unerwarteter Fehler aufgetreten. Das Protokoll nennt unter $id die Einzelheiten.",
        "An unexpected error occurred on the server. The log has the details under $id.",
    ),
    "form": (
        "Dieses Formular ist nicht das der Anmeldung: es hat zu viele oder zu lange Felder. Die Seite neu laden.",
        "This form is not that of the sign-in: it has too many fields, or too long ones. Load the page again.",
    ),
    "closed": ("Das gibt es hier nicht.", "There is nothing here."),
}

TEXTS: dict[str, dict[str, str]] = {
    language: {key: pair[column] for key, pair in _WORDS.items()} for column, language in enumerate(LANGUAGES)
}


def waiting(language: str, seconds: int) -> str:
    """The sentence for somebody who has to wait: seconds up to two minutes, then whole minutes, rounded up."""
    words = TEXTS[language]
    if seconds <= 1:
        time = words["second"]
    elif seconds <= 120:
        time = Template(words["seconds"]).substitute(count=seconds)
    else:
        time = Template(words["minutes"]).substitute(count=-(-seconds // 60))
    return Template(words["wait"]).substitute(time=time)
