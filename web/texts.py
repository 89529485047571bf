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
    "sign_in": ("Zuerst anmelden.", "Sign in first."),
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
