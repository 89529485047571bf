"""Every problem in words, code -> (German, English): what happened, to whom, and the next step."""

from __future__ import annotations

MESSAGES: dict[str, tuple[str, str]] = {
    # Roles
    "access.not_allowed": (
        "«{name}» darf das nicht. Nötig ist die Rolle {role}; vergeben wird sie auf der Seite Konten oder in Microsoft Entra.",
        "“{name}” may not do this. It needs the role {role}, given on the page Accounts or in Microsoft Entra.",
    ),
    "access.token_name": (
        "Ein Token braucht einen Namen mit 1 bis {most} Zeichen, am besten den des Programms, das ihn verwendet.",
        "A token needs a name of 1 to {most} characters, best that of the program that uses it.",
    ),
    "access.token_role": (
        "Die Rolle «{role}» kann der Token nicht bekommen. Möglich ist höchstens die eigene: {own}.",
        "The token cannot be given the role “{role}”. Your own is the highest possible: {own}.",
    ),
    "access.token_expires": (
        "Das Ende des Tokens muss in der Zukunft liegen, höchstens {days} Tage entfernt.",
        "The end of the token must be in the future, at most {days} days away.",
    ),
    "access.token_account": (
        "«{name}» ist kein Konto, das sich anmelden darf. Token erstellt, wer mit einem Konto angemeldet ist.",
        "“{name}” is no account that may sign in. Tokens are made by whoever is signed in with an account.",
    ),
    # Sign-in profiles
    "auth.secret_in_file": (
        "{file}: Das Geheimnis gehört nicht ins Profil («{field}»). In eine Umgebungsvariable oder eine eigene Datei legen und diese mit «client_secret_env» oder «client_secret_file» nennen; das bisherige Geheimnis in Entra ersetzen.",
        "{file}: the secret does not belong into the profile (“{field}”). Put it into an environment variable or a file of its own and name that with “client_secret_env” or “client_secret_file”; replace the old secret in Entra.",
    ),
    "auth.one_secret": (
        "{file}: Genau eines der Felder {fields} muss sagen, womit sich das Lizenztool ausweist.",
        "{file}: exactly one of the fields {fields} must say how Lizenztool identifies itself.",
    ),
    "auth.variable_missing": (
        "{file}: Die Umgebungsvariable {value} («{field}») ist nicht gesetzt. Das Geheimnis der App-Registrierung dort oder in .env eintragen.",
        "{file}: the environment variable {value} (“{field}”) is not set. Put the secret of the app registration there or into .env.",
    ),
    "auth.secret_file": (
        "{file}: Die Datei {value} («{field}») gibt es nicht, sie ist leer oder darf nicht gelesen werden. Pfad und Rechte prüfen; der Pfad gilt ab dem Ordner, in dem profiles liegt.",
        "{file}: the file {value} (“{field}”) is not there, empty or may not be read. Check path and permissions; the path starts at the folder that holds profiles.",
    ),
    "auth.address": (
        "{file}: «{field}» ist keine Adresse der Form https://host/pfad ({value}).",
        "{file}: “{field}” is no address of the form https://host/path ({value}).",
    ),
    "auth.redirect": (
        "{file}: «{field}» muss auf {path} enden ({value}), genau wie die Umleitungs-URI in der App-Registrierung.",
        "{file}: “{field}” must end with {path} ({value}), exactly like the redirect URI in the app registration.",
    ),
    "auth.role": (
        "{file}: «{field}» sagt {value}; möglich sind {roles}.",
        "{file}: “{field}” says {value}; possible are {roles}.",
    ),
    "auth.role_twice": (
        "{file}: «{field}» steht mehrmals da, in verschiedener Schreibweise. Eine davon entfernen.",
        "{file}: “{field}” is there more than once, spelled differently. Remove all but one.",
    ),
    "auth.hours": (
        "{file}: «{field}» ist keine Zahl von Stunden über 0 und bis 2160 ({value}).",
        "{file}: “{field}” is no number of hours above 0 and up to 2160 ({value}).",
    ),
    "auth.second": (
        "{file}: Für die Anmeldung gilt nur ein Profil, und zwar {first}. Diese Datei entfernen oder umbenennen (.example.json).",
        "{file}: only one profile counts for signing in, and that is {first}. Remove or rename this file (.example.json).",
    ),
    # Second factor
    "factor.there": (
        "Ein zweiter Faktor ist schon eingerichtet. Zuerst den alten entfernen.",
        "A second factor is set up already. Remove the old one first.",
    ),
    "factor.not_begun": (
        "Dieser QR-Code gilt nicht mehr. Die Einrichtung nochmals beginnen.",
        "This QR code does not count any more. Begin the set-up again.",
    ),
    "factor.wrong_code": (
        "Der Code stimmt nicht. Den nächsten der App eintippen; die Uhr des Telefons muss richtig gehen.",
        "The code is wrong. Type the next one of the app; the clock of the phone must be right.",
    ),
    "factor.wait": (
        "Zu viele falsche Codes. In {seconds} Sekunden nochmals versuchen.",
        "Too many wrong codes. Try again in {seconds} seconds.",
    ),
    "factor.none": (
        "«{name}» hat keinen zweiten Faktor.",
        "“{name}” has no second factor.",
    ),
    "factor.not_local": (
        "«{name}» ist kein lokales Konto; den zweiten Faktor verwaltet dort Microsoft.",
        "“{name}” is no local account; its second factor is managed by Microsoft.",
    ),
    "factor.unreadable": (
        "Die Codes der App lassen sich zurzeit nicht prüfen: dem Server fehlt der Schlüssel dazu. Einen Wiederherstellungscode verwenden; den Grund findet, wer den Server betreut, mit python -m core check.",
        "Codes of the app cannot be checked at present: the server lacks the key for it. Use a recovery code; whoever looks after the server finds the reason with python -m core check.",
    ),
    # Files
    "files.owner": (
        "Diese Dateien gehören jemand anderem als dem Dienst, der sie also ändern kann: {files}. Abhilfe: {command}",
        "These files belong to somebody else than the service, who can change them: {files}. Remedy: {command}",
    ),
    "files.write": (
        "Andere Benutzer des Rechners dürfen diese Dateien ändern: {files}. Abhilfe: {command}",
        "Other users of the machine may change these files: {files}. Remedy: {command}",
    ),
    "files.read": (
        "Andere Benutzer des Rechners dürfen diese Dateien lesen: {files}. Abhilfe: {command}",
        "Other users of the machine may read these files: {files}. Remedy: {command}",
    ),
    # Secrets at rest
    "secrets.key_missing": (
        "Der Schlüssel {id} zu den Geheimnissen der Datenbank fehlt; gesucht in {where}. Betroffen: {count} zweite Faktoren ({names}); diese Konten kommen mit einem Wiederherstellungscode herein, nicht mit der App. Den Schlüssel aus seiner Sicherung zurücklegen oder LIZENZTOOL_SECRET_KEYS setzen. Ist er verloren: die genannten Faktoren mit python -m core users remove-factor entfernen, dann python -m core secrets rotate.",
        "The key {id} to the secrets in the database is missing; looked for in {where}. Affected: {count} second factors ({names}); these accounts get in with a recovery code, not with the app. Put the key back from its backup or set LIZENZTOOL_SECRET_KEYS. If it is lost: remove the named factors with python -m core users remove-factor, then python -m core secrets rotate.",
    ),
    "secrets.key_wrong": (
        "Der Schlüssel in {where} ({found}) passt nicht zur Datenbank; sie verlangt {id}. Betroffen: {count} zweite Faktoren ({names}); diese Konten kommen mit einem Wiederherstellungscode herein, nicht mit der App. Den Schlüssel, der zu dieser Datenbank oder ihrer Sicherung gehört, zurücklegen. Ist er verloren: die genannten Faktoren mit python -m core users remove-factor entfernen, dann python -m core secrets rotate.",
        "The key in {where} ({found}) does not fit the database, which needs {id}. Affected: {count} second factors ({names}); these accounts get in with a recovery code, not with the app. Put back the key that belongs to this database or its backup. If it is lost: remove the named factors with python -m core users remove-factor, then python -m core secrets rotate.",
    ),
    "secrets.key_unreadable": (
        "Die Schlüssel in {where} lassen sich nicht lesen: {detail}. Zweite Faktoren können nicht geprüft werden; Wiederherstellungscodes gelten weiter. Rechte der Datei prüfen oder sie aus ihrer Sicherung zurücklegen.",
        "The keys in {where} cannot be read: {detail}. Second factors cannot be checked; recovery codes still count. Check the permissions of the file or put it back from its backup.",
    ),
    "secrets.key_not_written": (
        "Die Schlüsseldatei {where} fehlt und lässt sich nicht schreiben ({detail}). Zweite Faktoren lassen sich erst einrichten, wenn der Ordner beschreibbar oder LIZENZTOOL_SECRET_KEYS gesetzt ist.",
        "The key file {where} is missing and cannot be written ({detail}). Second factors can only be set up once the folder is writable or LIZENZTOOL_SECRET_KEYS is set.",
    ),
    "secrets.lost": (
        "{count} zweite Faktoren ({names}) lassen sich mit den Schlüsseln in {where} nicht entschlüsseln; diese Konten kommen mit einem Wiederherstellungscode herein, nicht mit der App. Den früheren Schlüssel zurücklegen, oder die Faktoren mit python -m core users remove-factor entfernen und neu einrichten.",
        "{count} second factors ({names}) cannot be decrypted with the keys in {where}; these accounts get in with a recovery code, not with the app. Put the former key back, or remove the factors with python -m core users remove-factor and set them up again.",
    ),
    "secrets.unfinished": (
        "Ein Wechsel des Schlüssels in {where} ist nicht zu Ende gekommen; alles ist lesbar. python -m core secrets rotate nochmals aufrufen.",
        "A change of the key in {where} has not come to its end; all can be read. Call python -m core secrets rotate again.",
    ),
    "secrets.copies": (
        "Kopien der Datenbank von vor einem Upgrade enthalten Geheimnisse zweiter Faktoren im Klartext: {files}. Sobald diese Version sich bewährt hat, löschen oder auf einen verschlüsselten Datenträger verschieben.",
        "Copies of the database from before an upgrade hold secrets of second factors in clear: {files}. Once this version has proved itself, delete them or move them to an encrypted volume.",
    ),
    "secrets.not_cleared": (
        "In der Datenbankdatei können noch frühere Werte von Geheimnissen stehen. Andere Programme, welche die Datenbank offen halten, schliessen, Platz auf dem Datenträger schaffen und den Dienst neu starten.",
        "The database file may still hold former values of secrets. Close other programs that hold the database open, make room on the disk and restart the service.",
    ),
    "access.password_wrong": (
        "Das Passwort stimmt nicht. Es ist das, mit dem die Anmeldung zuletzt gelungen ist.",
        "The password is wrong. It is the one that last opened the sign-in.",
    ),
    "access.name_wrong": (
        "Das ist nicht der Name. Zur Bestätigung «{name}» eintippen.",
        "That is not the name. To confirm, type “{name}”.",
    ),
    "access.password_wait": (
        "Zu viele Fehlversuche. In {seconds} Sekunden wieder versuchen.",
        "Too many wrong attempts. Try again in {seconds} seconds.",
    ),
    # Profile files
    "profile.file_name": (
        "{file}: Der Dateiname passt nicht. Datei in {expected} umbenennen.",
        "{file}: the file name does not fit. Rename the file to {expected}.",
    ),
    "profile.name_spelling": (
        "{file}: Die Datei wird nicht gelesen, weil ihr Name anders geschrieben ist (Grossbuchstaben oder unsichtbare Zeichen). In {right} umbenennen.",
        "{file}: the file is not read because its name is spelled differently (capitals or hidden signs). Rename it to {right}.",
    ),
    "profile.name_ending": (
        "{file}: Die Datei wird nicht gelesen, weil ihr Name nicht auf .json endet (Windows zeigt ein angehängtes .txt oft nicht an). In {right} umbenennen; soll sie nicht gelten, mit .bak enden lassen.",
        "{file}: the file is not read because its name does not end with .json (Windows often hides a .txt at the end). Rename it to {right}, or let it end with .bak if it is not to count.",
    ),
    "profile.name_hidden": (
        "{file}: Die Datei wird nicht gelesen, weil ihr Name mit einem Punkt beginnt. In {right} umbenennen; soll sie nicht gelten, mit .bak enden lassen.",
        "{file}: the file is not read because its name begins with a dot. Rename it to {right}, or let it end with .bak if it is not to count.",
    ),
    "profile.wrong_folder": (
        "{file}: Die Datei liegt im falschen Ordner und wird nicht gelesen. Nach {right} verschieben.",
        "{file}: the file is in the wrong folder and is not read. Move it to {right}.",
    ),
    "profile.in_subfolder": (
        "{file}: Profile in diesem Unterordner werden nicht gelesen ({count}, zum Beispiel {first}). Gelten sollen sie in {right}; sonst ausserhalb ablegen oder mit .bak enden lassen.",
        "{file}: profiles in this subfolder are not read ({count}, for example {first}). They count in {right}; else keep them elsewhere or let them end with .bak.",
    ),
    "profile.leftover": (
        "{file}: Die Datei wird nicht gelesen; es gilt {right}. Löschen oder mit .bak enden lassen.",
        "{file}: the file is not read; {right} counts. Delete it, or let it end with .bak.",
    ),
    "profile.no_folder": (
        "Den Ordner der Profile, {folder}, gibt es nicht. Ordner anlegen oder einbinden, oder LIZENZTOOL_PROFILES_DIR berichtigen, siehe docs/anleitung.md.",
        "There is no folder {folder} for the profiles. Make or mount it, or correct LIZENZTOOL_PROFILES_DIR, see docs/anleitung.md.",
    ),
    "profile.folder_unreadable": (
        "Der Ordner {folder} kann nicht gelesen werden ({reason}). Es muss ein Ordner sein, den der Dienst lesen und betreten darf.",
        "The folder {folder} cannot be read ({reason}). It must be a folder that the service may read and enter.",
    ),
    "profile.is_folder": (
        "{file}: Das ist ein Ordner, kein Profil. Die Profildatei unter diesem Namen ablegen und den Ordner umbenennen.",
        "{file}: this is a folder, no profile. Put the profile file there under this name and rename the folder.",
    ),
    "profile.not_a_file": (
        "{file}: Das ist keine gewöhnliche Datei (Pipe oder Gerät). Durch die Profildatei ersetzen.",
        "{file}: this is no regular file (a pipe or a device). Replace it by the profile file.",
    ),
    "profile.link_broken": (
        "{file}: Die Verknüpfung führt ins Leere ({target}). Ihr Ziel wiederherstellen oder die Datei selbst hier ablegen.",
        "{file}: the link leads nowhere ({target}). Restore its target or put the file itself here.",
    ),
    "profile.too_large": (
        "{file}: Die Datei hat mehr als 1 MB; ein Profil hat etwa 1 KB. Das richtige Profil ablegen.",
        "{file}: the file has more than 1 MB; a profile has about 1 KB. Put the right profile there.",
    ),
    "profile.too_deep": (
        "{file}: Das JSON ist zu tief verschachtelt für ein Profil. Mit dem Beispielprofil vergleichen.",
        "{file}: the JSON is nested too deeply for a profile. Compare it with the example profile.",
    ),
    "profile.encoding_unknown": (
        "{file}: Zeile {line} ist nicht in {encoding} gespeichert, vermutlich in Windows-1252 («ANSI»). Im Editor «Speichern unter» mit der Codierung UTF-8 wählen, oder: «iconv -f WINDOWS-1252 -t UTF-8 {file} > neu.json».",
        "{file}: line {line} is not saved in {encoding}, probably in Windows-1252 (“ANSI”). Use “Save as” in the editor with the encoding UTF-8, or: “iconv -f WINDOWS-1252 -t UTF-8 {file} > new.json”.",
    ),
    "profile.encoding": (
        "{file}: Die Datei ist in {encoding} gespeichert. Sie wurde gelesen; andere Programme erwarten UTF-8. Im Editor «Speichern unter» mit der Codierung UTF-8 wählen.",
        "{file}: the file is saved in {encoding}. It was read, but other programs expect UTF-8. Use “Save as” in the editor with the encoding UTF-8.",
    ),
    "profile.unreadable": (
        "{file}: Die Datei kann nicht gelesen werden ({reason}). Prüfen, ob der Dienst sie lesen darf und ob ihr Inhalt JSON ist.",
        "{file}: the file cannot be read ({reason}). Check whether the service may read it and whether its content is JSON.",
    ),
    "profile.json_broken": (
        "{file}: kein gültiges JSON, Fehler in Zeile {line}, Spalte {column}. Komma, Anführungszeichen und Klammern dort prüfen.",
        "{file}: not valid JSON, error in line {line}, column {column}. Check comma, quotes and brackets there.",
    ),
    "profile.not_object": (
        "{file}: Das JSON ist kein Objekt. Die Datei muss mit einer geschweiften Klammer beginnen, siehe Beispielprofil.",
        "{file}: the JSON is no object. The file must start with a curly bracket, see the example profile.",
    ),
    "profile.field_missing": (
        "{file}: Das Feld «{field}» fehlt. Feld ergänzen, siehe Beispielprofil.",
        "{file}: the field “{field}” is missing. Add it, see the example profile.",
    ),
    "profile.field_twice": (
        "{file}: Das Feld «{field}» steht mehrmals da; es gilt der letzte Wert. Die anderen entfernen.",
        "{file}: the field “{field}” is there more than once; the last value counts. Remove the others.",
    ),
    "profile.control_missing": (
        "{file}: Das Feld «{field}» fehlt. Es dient nur der Kontrolle und hält nichts auf. Ergänzen: {real}.",
        "{file}: the field “{field}” is missing. It is for control only and stops nothing. Add it: {real}.",
    ),
    "profile.control_unusable": (
        "{file}: Das Feld «{field}» ist leer oder kein Text in Anführungszeichen. Es dient nur der Kontrolle und hält nichts auf. Berichtigen: {real}.",
        "{file}: the field “{field}” is empty or no text in quotes. It is for control only and stops nothing. Correct it: {real}.",
    ),
    "profile.column_default": (
        "{file}: Für «{field}» steht keine Spalte da. Verwendet wird die Spalte «{column}»; ergänzen, oder den Namen der Spalte berichtigen.",
        "{file}: “{field}” names no column. The column “{column}” is used; add it, or correct the name of the column.",
    ),
    "profile.mapping_default": (
        "{file}: «{field}» fehlt, ist leer oder kein Objekt. Verwendet werden die üblichen Spalten: {columns}. Ergänzen, siehe Beispielprofil.",
        "{file}: “{field}” is missing, empty or no object. The usual columns are used: {columns}. Add it, see the example profile.",
    ),
    "profile.tenant_field_differs": (
        "{file}: «{field}» sagt {value}, «field_mapping.Tenant» aber {other}. Es gilt {value}; eines von beiden berichtigen.",
        "{file}: “{field}” says {value} but “field_mapping.Tenant” says {other}. {value} counts; correct one of the two.",
    ),
    "profile.field_empty": (
        "{file}: Das Feld «{field}» ist leer. Wert eintragen.",
        "{file}: the field “{field}” is empty. Enter its value.",
    ),
    "profile.field_not_text": (
        "{file}: Das Feld «{field}» muss ein Text in Anführungszeichen sein.",
        "{file}: the field “{field}” must be a text in quotes.",
    ),
    "profile.field_not_object": (
        "{file}: Das Feld «{field}» muss ein Objekt in geschweiften Klammern sein, siehe Beispielprofil.",
        "{file}: the field “{field}” must be an object in curly brackets, see the example profile.",
    ),
    "profile.field_unknown": (
        "{file}: Das Feld «{field}» ist unbekannt und wird nicht beachtet. Gemeint ist vielleicht: {near}.",
        "{file}: the field “{field}” is unknown and ignored. Perhaps you mean: {near}.",
    ),
    "profile.guid_invalid": (
        "{file}: «{field}» ist keine GUID ({value}). Den Wert aus der App-Registrierung kopieren, Form 00000000-0000-0000-0000-000000000000.",
        "{file}: “{field}” is no GUID ({value}). Copy the value from the app registration, form 00000000-0000-0000-0000-000000000000.",
    ),
    "profile.date_invalid": (
        "{file}: «{field}» ist kein Datum ({value}). Form JJJJ-MM-TT; das Zertifikat endet am {real}.",
        "{file}: “{field}” is no date ({value}). Form YYYY-MM-DD; the certificate ends on {real}.",
    ),
    "profile.expires_wrong": (
        "{file}: «{field}» sagt {value}, das Zertifikat endet aber am {real}. Es zählt das Zertifikat; Wert im Profil berichtigen.",
        "{file}: “{field}” says {value} but the certificate ends on {real}. The certificate counts; correct the profile.",
    ),
    "profile.thumbprint_wrong": (
        "{file}: «{field}» gehört nicht zu diesem Zertifikat. Sein Fingerabdruck ist {real}; Profil oder PEM-Datei berichtigen.",
        "{file}: “{field}” is not of this certificate. Its thumbprint is {real}; correct the profile or the PEM file.",
    ),
    "profile.cert_missing": (
        "{file}: Die Datei {value} («{field}») gibt es nicht. Pfad prüfen; er gilt ab dem Ordner, in dem profiles liegt.",
        "{file}: there is no file {value} (“{field}”). Check the path; it starts at the folder that holds profiles.",
    ),
    "profile.cert_elsewhere": (
        "{file}: Die Datei {value} («{field}») gibt es nicht. Gemeint ist vielleicht {other}; Gross- und Kleinbuchstaben zählen, und der Pfad gilt ab dem Ordner, in dem profiles liegt.",
        "{file}: there is no file {value} (“{field}”). Perhaps you mean {other}; capitals count, and the path starts at the folder that holds profiles.",
    ),
    "profile.cert_encoding": (
        "{file}: {value} («{field}») ist in UTF-16 gespeichert. Die Datei wurde gelesen; andere Programme erwarten ASCII oder UTF-8: «iconv -f UTF-16 -t UTF-8 {value} > neu.pem».",
        "{file}: {value} (“{field}”) is saved in UTF-16. It was read, but other programs expect ASCII or UTF-8: “iconv -f UTF-16 -t UTF-8 {value} > new.pem”.",
    ),
    "profile.cert_short": (
        "{file}: Der RSA-Schlüssel in {value} («{field}») hat nur {bits} Bit; Microsoft verlangt 2048. Mit «python -m core cert new {slug}» einen neuen erstellen.",
        "{file}: the RSA key in {value} (“{field}”) has only {bits} bits; Microsoft demands 2048. Make a new one with “python -m core cert new {slug}”.",
    ),
    "profile.cert_pss": (
        "{file}: Der Schlüssel in {value} («{field}») ist ein RSA-PSS-Schlüssel. Nimmt Microsoft ihn nicht an, mit «python -m core cert new {slug}» einen gewöhnlichen RSA-Schlüssel erstellen.",
        "{file}: the key in {value} (“{field}”) is an RSA-PSS key. If Microsoft does not take it, make a plain RSA key with “python -m core cert new {slug}”.",
    ),
    "profile.cert_pfx": (
        "{file}: {value} («{field}») ist eine PFX-Datei (PKCS #12), keine PEM. Umwandeln: «openssl pkcs12 -in {value} -out {stem}_neu.pem -nodes» (bei älteren Dateien mit -legacy), dann «cert_path» darauf zeigen lassen.",
        "{file}: {value} (“{field}”) is a PFX file (PKCS #12), no PEM. Convert it: “openssl pkcs12 -in {value} -out {stem}_new.pem -nodes” (older files need -legacy), then let “cert_path” name it.",
    ),
    "profile.cert_pfx_text": (
        "{file}: {value} («{field}») ist eine PFX-Datei (PKCS #12) als Text (Base64), keine PEM. Umwandeln: «grep -v -e ----- {value} | openssl base64 -d -out {stem}.pfx», dann «openssl pkcs12 -in {stem}.pfx -out {stem}_neu.pem -nodes», dann «cert_path» darauf zeigen lassen.",
        "{file}: {value} (“{field}”) is a PFX file (PKCS #12) as text (base64), no PEM. Convert it: “grep -v -e ----- {value} | openssl base64 -d -out {stem}.pfx”, then “openssl pkcs12 -in {stem}.pfx -out {stem}_new.pem -nodes”, then let “cert_path” name it.",
    ),
    "profile.cert_chain_alone": (
        "{file}: {value} («{field}») ist eine PKCS-#7-Datei (.p7b): nur Zertifikate, kein Schlüssel. Die PEM oder PFX mit dem privaten Schlüssel verwenden; die Zertifikate gibt «openssl pkcs7 -print_certs -in {value}» (binär mit -inform DER).",
        "{file}: {value} (“{field}”) is a PKCS #7 file (.p7b): certificates only, no key. Use the PEM or PFX with the private key; “openssl pkcs7 -print_certs -in {value}” gives the certificates (binary: -inform DER).",
    ),
    "profile.cert_trusted": (
        "{file}: {value} («{field}») enthält einen Block «TRUSTED CERTIFICATE». Umwandeln: «openssl x509 -in {value} -out {stem}_neu.crt», und statt dieses Blocks deren Inhalt einsetzen.",
        "{file}: {value} (“{field}”) has a block “TRUSTED CERTIFICATE”. Convert it: “openssl x509 -in {value} -out {stem}_new.crt”, and put its content in place of that block.",
    ),
    "profile.cert_request": (
        "{file}: {value} («{field}») enthält eine Zertifikatsanforderung (CSR), kein Zertifikat. Das ausgestellte Zertifikat einsetzen.",
        "{file}: {value} (“{field}”) has a certificate request (CSR), no certificate. Put the issued certificate in its place.",
    ),
    "profile.cert_openssh": (
        "{file}: Der Schlüssel in {value} («{field}») hat die Form von OpenSSH. Eine Kopie umwandeln: «ssh-keygen -p -m PEM -f {value}», ohne neues Passwort; fehlt das Zertifikat, es anhängen.",
        "{file}: the key in {value} (“{field}”) has the form of OpenSSH. Convert a copy: “ssh-keygen -p -m PEM -f {value}”, without a new password; append the certificate if it is missing.",
    ),
    "profile.cert_putty": (
        "{file}: {value} («{field}») ist ein Schlüssel von PuTTY (.ppk). Umwandeln: «puttygen {value} -O private-openssh -o {stem}.key», oder mit «python -m core cert new {slug}» ein neues Paar erstellen.",
        "{file}: {value} (“{field}”) is a key of PuTTY (.ppk). Convert it: “puttygen {value} -O private-openssh -o {stem}.key”, or make a new pair with “python -m core cert new {slug}”.",
    ),
    "profile.cert_jks": (
        "{file}: {value} («{field}») ist ein Java-Keystore. Umwandeln: «keytool -importkeystore -srckeystore {value} -destkeystore {stem}.pfx -deststoretype PKCS12», dann «openssl pkcs12 -in {stem}.pfx -out {stem}.pem -nodes».",
        "{file}: {value} (“{field}”) is a Java keystore. Convert it: “keytool -importkeystore -srckeystore {value} -destkeystore {stem}.pfx -deststoretype PKCS12”, then “openssl pkcs12 -in {stem}.pfx -out {stem}.pem -nodes”.",
    ),
    "profile.cert_der": (
        "{file}: {value} («{field}») ist ein Zertifikat in binärer Form (DER), ohne privaten Schlüssel. Die PEM mit Schlüssel und Zertifikat verwenden; umwandeln: «openssl x509 -inform DER -in {value} -out {stem}_neu.crt».",
        "{file}: {value} (“{field}”) is a certificate in binary form (DER), without private key. Use the PEM with key and certificate; to convert it: “openssl x509 -inform DER -in {value} -out {stem}_new.crt”.",
    ),
    "profile.cert_der_key": (
        "{file}: {value} («{field}») ist binär (DER), vermutlich ein privater Schlüssel. Umwandeln: «openssl pkey -inform DER -in {value} -out {stem}_neu.pem», und das Zertifikat anhängen.",
        "{file}: {value} (“{field}”) is binary (DER), probably a private key. Convert it: “openssl pkey -inform DER -in {value} -out {stem}_new.pem”, and append the certificate.",
    ),
    "profile.cert_no_pem": (
        "{file}: {value} («{field}») ist keine PEM-Datei: kein Block zwischen «-----BEGIN ...-----» und «-----END ...-----». Die richtige Datei nennen, oder mit «python -m core cert new {slug}» ein neues Paar erstellen.",
        "{file}: {value} (“{field}”) is no PEM file: there is no block between “-----BEGIN ...-----” and “-----END ...-----”. Name the right file, or make a new pair with “python -m core cert new {slug}”.",
    ),
    "profile.cert_key_beside": (
        "{file}: In {value} («{field}») fehlt der private Schlüssel; er liegt daneben, in {other}. Beide in eine Datei zusammenfügen und diese in «cert_path» nennen: zuerst den Inhalt von {other}, dann den von {value}.",
        "{file}: {value} (“{field}”) has no private key; it lies beside it, in {other}. Join both into one file and name that in “cert_path”: first the content of {other}, then that of {value}.",
    ),
    "profile.cert_beside": (
        "{file}: In {value} («{field}») fehlt das Zertifikat; es liegt daneben, in {other}. Seinen Inhalt im PEM-Format an {value} anhängen («openssl x509 -in {other}» gibt ihn aus).",
        "{file}: {value} (“{field}”) has no certificate; it lies beside it, in {other}. Append its content as PEM to {value} (“openssl x509 -in {other}” prints it).",
    ),
    "profile.cert_folder": (
        "{file}: {value} («{field}») ist ein Ordner. Die PEM-Datei darin nennen.",
        "{file}: {value} (“{field}”) is a folder. Name the PEM file in it.",
    ),
    "profile.cert_link_broken": (
        "{file}: {value} («{field}») ist eine Verknüpfung, die ins Leere führt. Ihr Ziel wiederherstellen oder die Datei selbst dort ablegen.",
        "{file}: {value} (“{field}”) is a link that leads nowhere. Restore its target or put the file itself there.",
    ),
    "profile.cert_unreadable": (
        "{file}: Die Datei {value} («{field}») darf nicht gelesen werden. Rechte der Datei prüfen.",
        "{file}: the file {value} (“{field}”) may not be read. Check its permissions.",
    ),
    "profile.cert_broken": (
        "{file}: {value} («{field}») ist keine brauchbare PEM-Datei. Mit «python -m core cert new» neu erstellen.",
        "{file}: {value} (“{field}”) is no usable PEM file. Make a new one with “python -m core cert new”.",
    ),
    "profile.cert_no_key": (
        "{file}: In {value} («{field}») fehlt der private Schlüssel. Schlüssel und Zertifikat gehören in dieselbe PEM-Datei.",
        "{file}: {value} (“{field}”) has no private key. Key and certificate belong into the same PEM file.",
    ),
    "profile.cert_no_certificate": (
        "{file}: In {value} («{field}») fehlt das Zertifikat. Schlüssel und Zertifikat gehören in dieselbe PEM-Datei.",
        "{file}: {value} (“{field}”) has no certificate. Key and certificate belong into the same PEM file.",
    ),
    "profile.cert_encrypted": (
        "{file}: Der Schlüssel in {value} («{field}») ist mit einem Passwort geschützt. Ohne Passwort ablegen («openssl pkey -in {value} -out {stem}_neu.pem», dann das Zertifikat anhängen) und die Datei nur für den Dienst lesbar machen.",
        "{file}: the key in {value} (“{field}”) has a password. Store it without one (“openssl pkey -in {value} -out {stem}_new.pem”, then append the certificate) and make the file readable by the service alone.",
    ),
    "profile.cert_not_rsa": (
        "{file}: Der Schlüssel in {value} («{field}») ist kein RSA-Schlüssel; Microsoft nimmt nur RSA. Neues Zertifikat mit «python -m core cert new» erstellen.",
        "{file}: the key in {value} (“{field}”) is no RSA key; Microsoft takes only RSA. Make a new one with “python -m core cert new”.",
    ),
    "profile.cert_pair": (
        "{file}: Schlüssel und Zertifikat in {value} («{field}») gehören nicht zusammen. Das richtige Paar ablegen.",
        "{file}: key and certificate in {value} (“{field}”) do not belong together. Put the right pair there.",
    ),
    "profile.cert_expired": (
        "{file}: Das Zertifikat ist am {real} abgelaufen. Mit «python -m core cert new {slug}» ein neues erstellen und den öffentlichen Teil in der App-Registrierung hochladen.",
        "{file}: the certificate ended on {real}. Make a new one with “python -m core cert new {slug}” and upload its public part to the app registration.",
    ),
    "profile.cert_not_yet": (
        "{file}: Das Zertifikat gilt erst ab {real}. Uhr des Servers prüfen oder ein gültiges Zertifikat ablegen.",
        "{file}: the certificate is valid only from {real}. Check the clock of the server or put a valid one there.",
    ),
    "profile.duplicate_tenant": (
        "{file}: Denselben Tenant («tenant_id») beschreibt schon {other}. Eines der beiden Profile entfernen.",
        "{file}: {other} already describes the same tenant (“tenant_id”). Remove one of the two profiles.",
    ),
    "profile.duplicate_name": (
        "{file}: Den Namen «{value}» («tenant_name») trägt schon {other}. Einen der beiden Namen ändern.",
        "{file}: {other} already has the name “{value}” (“tenant_name”). Change one of the two names.",
    ),
    "profile.second_sharepoint": (
        "{file}: Es gibt schon ein SharePoint-Profil ({first}); nur das erste brauchbare zählt. Dieses entfernen.",
        "{file}: there is a SharePoint profile already ({first}); only the first usable one counts. Remove this one.",
    ),
    "profile.other_sharepoint": (
        "{file}: Weil dieses Profil nicht brauchbar ist, gilt {other}. Dieses berichtigen oder entfernen.",
        "{file}: because this profile cannot be used, {other} counts. Correct or remove this one.",
    ),
    # Sign-in at Entra
    "signin.refused": (
        "Microsoft gibt für {tenant} kein Token aus ({aadsts}): {detail}. Bedeutung und Abhilfe nennt {look_up}; App-Registrierung und Unternehmensanwendung prüfen.",
        "Microsoft gives no token for {tenant} ({aadsts}): {detail}. What it means and what to do is told at {look_up}; check app registration and enterprise application.",
    ),
    "signin.tenant_unknown": (
        "Microsoft kennt den Tenant von {tenant} nicht ({aadsts}). «tenant_id» im Profil prüfen, auch ob der Tenant in dieser Cloud liegt.",
        "Microsoft does not know the tenant of {tenant} ({aadsts}). Check “tenant_id” in the profile, also whether the tenant is in this cloud.",
    ),
    "signin.tenant_gone": (
        "Der Tenant von {tenant} ist gelöscht oder nicht verfügbar ({aadsts}). Gibt es ihn nicht mehr, das Profil entfernen.",
        "The tenant of {tenant} is deleted or not available ({aadsts}). If it is gone, remove the profile.",
    ),
    "signin.tenant_inactive": (
        "Microsoft hat den Tenant von {tenant} gesperrt, weil ihn lange niemand benutzt hat ({aadsts}). Ein Administrator des Kunden muss innert 20 Tagen beim Microsoft-Support die Freigabe verlangen, sonst wird der Tenant gelöscht; wird er nicht mehr gebraucht, das Profil entfernen.",
        "Microsoft has blocked the tenant of {tenant} because nobody has used it for long ({aadsts}). Within 20 days an administrator of the customer must ask Microsoft's support to open it again, otherwise it is deleted; if it is no longer needed, remove the profile.",
    ),
    "signin.app_unknown": (
        "Die Anwendung gibt es im Tenant von {tenant} nicht ({aadsts}). «client_id» prüfen und die Administratorzustimmung im Kundentenant erteilen.",
        "The application does not exist in the tenant of {tenant} ({aadsts}). Check “client_id” and grant admin consent in the customer's tenant.",
    ),
    "signin.app_being_created": (
        "Die Anwendung wird im Tenant von {tenant} gerade angelegt ({aadsts}). In einer Minute erneut versuchen.",
        "The application is just being created in the tenant of {tenant} ({aadsts}). Try again in a minute.",
    ),
    "signin.service_missing": (
        "Der Tenant von {tenant} hat einen Dienst nicht, den die Anwendung verlangt ({aadsts}). Berechtigungen der App-Registrierung prüfen.",
        "The tenant of {tenant} lacks a service that the application asks for ({aadsts}). Check the permissions of the app registration.",
    ),
    "signin.resource_disabled": (
        "Microsoft Graph ist im Tenant von {tenant} deaktiviert ({aadsts}): ein Abonnement ist ausgelaufen, oder jemand hat die Anwendung ausgeschaltet. Im Tenant des Kunden die Abonnements und unter Unternehmensanwendungen «Microsoft Graph» (für Anmeldung aktiviert) prüfen.",
        "Microsoft Graph is disabled in the tenant of {tenant} ({aadsts}): a subscription has lapsed, or somebody has switched the application off. In the customer's tenant check the subscriptions and, under enterprise applications, “Microsoft Graph” (enabled for sign-in).",
    ),
    "signin.consent_missing": (
        "Für {tenant} fehlt die Zustimmung eines Administrators ({aadsts}). Berechtigungen der App-Registrierung prüfen und Administratorzustimmung erteilen.",
        "Admin consent is missing for {tenant} ({aadsts}). Check the permissions of the app registration and grant admin consent.",
    ),
    "signin.role_missing": (
        "Im Tenant von {tenant} ist die Anwendung dem Dienst nicht zugewiesen, den sie lesen will ({aadsts}). Administratorzustimmung erneut erteilen; bei der Unternehmensanwendung des Dienstes «Zuweisung erforderlich» prüfen.",
        "In the tenant of {tenant} the application is not assigned to the service that it wants to read ({aadsts}). Grant admin consent again; check “Assignment required” of the service's enterprise application.",
    ),
    "signin.resource_missing": (
        "Microsoft kennt Graph unter dieser Adresse im Tenant von {tenant} nicht ({aadsts}). LIZENZTOOL_LOGIN_URL und LIZENZTOOL_GRAPH_URL müssen zur Cloud des Tenants passen.",
        "Microsoft does not know Graph at this address in the tenant of {tenant} ({aadsts}). LIZENZTOOL_LOGIN_URL and LIZENZTOOL_GRAPH_URL must fit the tenant's cloud.",
    ),
    "signin.certificate_unknown": (
        "Microsoft kennt das Zertifikat von {tenant} nicht ({aadsts}). Öffentlichen Teil (.cer) in der App-Registrierung hochladen, zwei Minuten warten, dann erneut versuchen.",
        "Microsoft does not know the certificate of {tenant} ({aadsts}). Upload the public part (.cer) to the app registration, wait two minutes, then try again.",
    ),
    "signin.certificate_expired": (
        "Das Zertifikat von {tenant} ist abgelaufen ({aadsts}). Neues mit «python -m core cert new» erstellen und den öffentlichen Teil hochladen.",
        "The certificate of {tenant} has ended ({aadsts}). Make a new one with “python -m core cert new” and upload its public part.",
    ),
    "signin.certificate_weak": (
        "Der Schlüssel im Zertifikat von {tenant} ist Microsoft zu schwach ({aadsts}). Neues mit «python -m core cert new» erstellen und den öffentlichen Teil hochladen.",
        "The key of the certificate of {tenant} is too weak for Microsoft ({aadsts}). Make a new one with “python -m core cert new” and upload its public part.",
    ),
    "signin.clock_wrong": (
        "Microsoft lehnt die Anmeldung von {tenant} wegen der Uhrzeit ab ({aadsts}). Uhr dieses Servers richten (NTP).",
        "Microsoft refuses the sign-in of {tenant} because of the time ({aadsts}). Set the clock of this server (NTP).",
    ),
    "signin.secret_wrong": (
        "Das Geheimnis der Anwendung ist falsch ({aadsts}, {tenant}). Den Wert, nicht die ID, des Geheimnisses eintragen.",
        "The application's secret is wrong ({aadsts}, {tenant}). Enter the value, not the id, of the secret.",
    ),
    "signin.secret_expired": (
        "Das Geheimnis der Anwendung ist abgelaufen ({aadsts}, {tenant}). Besser ein Zertifikat verwenden.",
        "The application's secret has ended ({aadsts}, {tenant}). Better use a certificate.",
    ),
    "signin.public_client": (
        "Die App-Registrierung von {tenant} ist ein öffentlicher Client ({aadsts}). Unter Authentifizierung «Öffentliche Clientflows» ausschalten.",
        "The app registration of {tenant} is a public client ({aadsts}). Turn off “public client flows” under Authentication.",
    ),
    "signin.app_disabled": (
        "Die Anwendung ist im Tenant von {tenant} deaktiviert ({aadsts}). Sie im Microsoft Entra Admin Center des Kunden unter Unternehmensanwendungen, Eigenschaften aktivieren; ist sie es dort schon, die App-Registrierung prüfen.",
        "The application is disabled in the tenant of {tenant} ({aadsts}). Enable it in the customer's Microsoft Entra admin center under enterprise applications, properties; if it is on there, check the app registration.",
    ),
    "signin.blocked": (
        "Eine Richtlinie für bedingten Zugriff sperrt die Anwendung im Tenant von {tenant} ({aadsts}). Welche, zeigt beim Kunden Entra Admin Center, Anmeldeprotokolle, Dienstprinzipalanmeldungen; der Kunde muss die Anwendung ausnehmen oder die Adresse dieses Servers zulassen.",
        "A Conditional Access policy blocks the application in the tenant of {tenant} ({aadsts}). Which one, the customer sees in the Entra admin center under sign-in logs, service principal sign-ins; the customer must exclude the application or allow the address of this server.",
    ),
    "signin.security_defaults": (
        "Die Sicherheitsstandards im Tenant von {tenant} sperren die Anmeldung ({aadsts}). Beim Kunden in den Anmeldeprotokollen (Dienstprinzipalanmeldungen) nachsehen; Sicherheitsstandards stehen im Entra Admin Center unter Übersicht, Eigenschaften.",
        "The security defaults in the tenant of {tenant} block the sign-in ({aadsts}). Look into the customer's sign-in logs (service principal sign-ins); security defaults are in the Entra admin center under overview, properties.",
    ),
    "signin.single_tenant": (
        "Die App-Registrierung von {tenant} gilt nur für einen anderen Tenant ({aadsts}). «tenant_id» prüfen oder die Anwendung mehrinstanzenfähig machen.",
        "The app registration of {tenant} is for another tenant only ({aadsts}). Check “tenant_id” or make the application multi-tenant.",
    ),
    "signin.wrong_cloud": (
        "Der Tenant von {tenant} liegt in einer anderen Cloud ({aadsts}). LIZENZTOOL_LOGIN_URL und LIZENZTOOL_GRAPH_URL dafür setzen.",
        "The tenant of {tenant} is in another cloud ({aadsts}). Set LIZENZTOOL_LOGIN_URL and LIZENZTOOL_GRAPH_URL for it.",
    ),
    "signin.tenant_restricted": (
        "Ein Proxy oder eine Mandanteneinschränkung verhindert die Anmeldung bei {tenant} ({aadsts}). Ausnahme im Proxy einrichten.",
        "A proxy or tenant restriction prevents the sign-in to {tenant} ({aadsts}). Make an exception in the proxy.",
    ),
    "signin.tls_old": (
        "Microsoft lehnt die Anmeldung von {tenant} wegen veralteter Verschlüsselung ab ({aadsts}: TLS 1.0, 1.1 oder 3DES). Dieser Dienst spricht TLS 1.2 oder neuer; den Proxy erneuern, der TLS öffnet.",
        "Microsoft refuses the sign-in of {tenant} because of outdated encryption ({aadsts}: TLS 1.0, 1.1 or 3DES). This service speaks TLS 1.2 or newer; renew the proxy that opens TLS.",
    ),
    "signin.request_changed": (
        "Microsoft versteht die Anmeldung von {tenant} nicht ({aadsts}): {detail}. LIZENZTOOL_LOGIN_URL und «client_id» prüfen, und ob ein Proxy Anfragen verändert; Näheres nennt {look_up}.",
        "Microsoft does not understand the sign-in of {tenant} ({aadsts}): {detail}. Check LIZENZTOOL_LOGIN_URL and “client_id”, and whether a proxy changes requests; more is told at {look_up}.",
    ),
    "signin.loop": (
        "Microsoft hält die Anmeldungen von {tenant} für eine Endlosschleife ({aadsts}). Prüfen, ob ein zweiter Dienst oder ein anderes Programm mit derselben «client_id» läuft; nach einigen Minuten geht es wieder.",
        "Microsoft takes the sign-ins of {tenant} for an endless loop ({aadsts}). Check whether a second service or another program runs with the same “client_id”; after some minutes it works again.",
    ),
    "signin.microsoft_fault": (
        "Die Anmeldung bei Microsoft hat für {tenant} einen eigenen Fehler ({aadsts}): {detail}. Bleibt es so, im Tenant des Kunden mit dieser Zeile einen Fall beim Microsoft-Support eröffnen.",
        "The sign-in at Microsoft has a fault of its own for {tenant} ({aadsts}): {detail}. If it stays so, open a case with Microsoft's support in the customer's tenant with this line.",
    ),
    "signin.busy": (
        "Die Anmeldung bei Microsoft ist für {tenant} vorübergehend gestört ({aadsts}). Der nächste Lauf versucht es wieder.",
        "The sign-in at Microsoft is disturbed for {tenant} for the moment ({aadsts}). The next refresh tries again.",
    ),
    # The way to Microsoft
    "network.name_unknown": (
        "{tenant}: Der Name {host} lässt sich nicht auflösen (ohne Proxy). DNS dieses Servers prüfen; führt der Weg hinaus über einen Proxy, ihn in HTTPS_PROXY nennen.",
        "{tenant}: the name {host} cannot be resolved (no proxy in use). Check the DNS of this server; if the way out is a proxy, name it in HTTPS_PROXY.",
    ),
    "network.refused": (
        "{tenant}: {host} nimmt keine Verbindung an (ohne Proxy). Firewall prüfen; führt der Weg hinaus über einen Proxy, ihn in HTTPS_PROXY nennen.",
        "{tenant}: {host} takes no connection (no proxy in use). Check the firewall; if the way out is a proxy, name it in HTTPS_PROXY.",
    ),
    "network.no_route": (
        "{tenant}: Von diesem Server führt kein Weg zu {host} (ohne Proxy). Netz und Firewall prüfen; führt der Weg hinaus über einen Proxy, ihn in HTTPS_PROXY nennen.",
        "{tenant}: there is no way from this server to {host} (no proxy in use). Check network and firewall; if the way out is a proxy, name it in HTTPS_PROXY.",
    ),
    "network.connect_timeout": (
        "{tenant}: {host} antwortet nicht auf den Versuch einer Verbindung (ohne Proxy). Firewall prüfen; führt der Weg hinaus über einen Proxy, ihn in HTTPS_PROXY nennen.",
        "{tenant}: {host} does not answer when we connect (no proxy in use). Check the firewall; if the way out is a proxy, name it in HTTPS_PROXY.",
    ),
    "network.silent": (
        "{tenant}: {host} hat die Verbindung angenommen, aber nicht rechtzeitig geantwortet (Proxy: {proxy}). Der nächste Lauf versucht es wieder; bleibt es so, Proxy und Firewall prüfen.",
        "{tenant}: {host} took the connection but did not answer in time (proxy: {proxy}). The next refresh tries again; if it stays so, check proxy and firewall.",
    ),
    "network.cut_off": (
        "{tenant}: Die Verbindung zu {host} brach ab (Proxy: {proxy}). Der nächste Lauf versucht es wieder; bleibt es so, Proxy und Firewall prüfen.",
        "{tenant}: the connection to {host} was cut off (proxy: {proxy}). The next refresh tries again; if it stays so, check proxy and firewall.",
    ),
    "network.proxy_unknown": (
        "{tenant}: Der Name des Proxys {proxy}, über den {host} erreicht wird, lässt sich nicht auflösen. HTTPS_PROXY und DNS prüfen; soll {host} ohne Proxy erreicht werden, in NO_PROXY eintragen.",
        "{tenant}: the name of the proxy {proxy}, through which {host} is reached, cannot be resolved. Check HTTPS_PROXY and the DNS; if {host} is to be reached without a proxy, put it into NO_PROXY.",
    ),
    "network.proxy_away": (
        "{tenant}: Der Proxy {proxy}, über den {host} erreicht wird, nimmt keine Verbindung an. HTTPS_PROXY (Adresse, Port, http oder https) und den Proxy prüfen; soll {host} ohne Proxy erreicht werden, in NO_PROXY eintragen.",
        "{tenant}: the proxy {proxy}, through which {host} is reached, takes no connection. Check HTTPS_PROXY (address, port, http or https) and the proxy; if {host} is to be reached without a proxy, put it into NO_PROXY.",
    ),
    "network.proxy_sign_in": (
        "{tenant}: Der Proxy {proxy} verlangt für {host} eine Anmeldung ({said}). Benutzer und Passwort in HTTPS_PROXY prüfen (http://benutzer:passwort@host:port, Sonderzeichen als %40 usw.) oder diesen Server im Proxy ausnehmen.",
        "{tenant}: the proxy {proxy} wants a sign-in for {host} ({said}). Check user and password in HTTPS_PROXY (http://user:password@host:port, special characters as %40 and so on) or exempt this server in the proxy.",
    ),
    "network.proxy_refuses": (
        "{tenant}: Der Proxy {proxy} lässt keine Verbindung zu {host} zu ({said}). {host} im Proxy freigeben; das ist keine fehlende Berechtigung bei Microsoft.",
        "{tenant}: the proxy {proxy} allows no connection to {host} ({said}). Allow {host} in the proxy; this is no missing permission at Microsoft.",
    ),
    "network.proxy_fails": (
        "{tenant}: Der Proxy {proxy} kommt nicht zu {host} ({said}). DNS und Weg ins Internet des Proxys prüfen; der nächste Lauf versucht es wieder.",
        "{tenant}: the proxy {proxy} does not get to {host} ({said}). Check the DNS of the proxy and its way to the internet; the next refresh tries again.",
    ),
    "network.tls_authority": (
        "{tenant}: Das Zertifikat, das sich als {host} ausweist, kommt von einer Stelle, die hier niemand kennt ({said}; Proxy: {proxy}). Öffnet ein Proxy oder eine Firewall TLS, ihr Stammzertifikat in eine PEM-Datei legen und diese in REQUESTS_CA_BUNDLE nennen; in Gebrauch: {ca_bundle}.",
        "{tenant}: the certificate that claims to be {host} comes from an authority nobody here knows ({said}; proxy: {proxy}). If a proxy or a firewall opens TLS, put its root certificate into a PEM file and name that in REQUESTS_CA_BUNDLE; in use: {ca_bundle}.",
    ),
    "network.tls_name": (
        "{tenant}: Das Zertifikat, das sich als {host} ausweist, gilt für einen anderen Namen ({said}; Proxy: {proxy}). Prüfen, wohin DNS und Proxy diesen Namen führen; LIZENZTOOL_LOGIN_URL und LIZENZTOOL_GRAPH_URL prüfen.",
        "{tenant}: the certificate that claims to be {host} is for another name ({said}; proxy: {proxy}). Check where DNS and proxy take this name; check LIZENZTOOL_LOGIN_URL and LIZENZTOOL_GRAPH_URL.",
    ),
    "network.tls_date": (
        "{tenant}: Ein Zertifikat von {host} oder seiner Stelle ist abgelaufen oder gilt noch nicht ({said}; Proxy: {proxy}). Uhr dieses Servers und REQUESTS_CA_BUNDLE prüfen; in Gebrauch: {ca_bundle}.",
        "{tenant}: a certificate of {host} or of its authority is over or not valid yet ({said}; proxy: {proxy}). Check the clock of this server and REQUESTS_CA_BUNDLE; in use: {ca_bundle}.",
    ),
    "network.tls": (
        "{tenant}: Mit {host} kommt keine sichere Verbindung zustande ({said}; Proxy: {proxy}). Prüfen, ob dort HTTPS antwortet, was ein Proxy mit TLS tut, und REQUESTS_CA_BUNDLE; in Gebrauch: {ca_bundle}.",
        "{tenant}: no secure connection to {host} can be made ({said}; proxy: {proxy}). Check that HTTPS answers there, what a proxy does to TLS, and REQUESTS_CA_BUNDLE; in use: {ca_bundle}.",
    ),
    "network.between": (
        "{tenant}: Statt Microsoft ({host}) hat etwas dazwischen geantwortet: {said} (Proxy: {proxy}). {host} in Proxy, Firewall oder Anmeldeseite des Netzes freigeben; das ist keine fehlende Berechtigung bei Microsoft.",
        "{tenant}: something in between has answered in place of Microsoft ({host}): {said} (proxy: {proxy}). Allow {host} in the proxy, the firewall or the sign-in page of the network; this is no missing permission at Microsoft.",
    ),
    # Graph
    "graph.unreachable": (
        "Microsoft ist für {tenant} nicht erreichbar ({what}). Internetverbindung, Proxy und Firewall prüfen; der nächste Lauf versucht es wieder.",
        "Microsoft cannot be reached for {tenant} ({what}). Check internet connection, proxy and firewall; the next refresh tries again.",
    ),
    "graph.token_refused": (
        "Graph nimmt das Token von {tenant} nicht an ({what}). LIZENZTOOL_GRAPH_URL und die Uhr dieses Servers prüfen.",
        "Graph does not take the token of {tenant} ({what}). Check LIZENZTOOL_GRAPH_URL and the clock of this server.",
    ),
    "graph.forbidden": (
        "{tenant}: Die Berechtigung für {what} fehlt. In der App-Registrierung LicenseAssignment.Read.All oder Organization.Read.All (für SharePoint: Sites.Selected samt Freigabe der Site) eintragen und Administratorzustimmung erteilen.",
        "{tenant}: the permission for {what} is missing. Add LicenseAssignment.Read.All or Organization.Read.All (for SharePoint: Sites.Selected with a grant for the site) to the app registration and grant admin consent.",
    ),
    "graph.not_found": (
        "{tenant}: {what} gibt es nicht (mehr). IDs im Profil prüfen.",
        "{tenant}: {what} does not exist (any more). Check the ids in the profile.",
    ),
    "graph.conflict": (
        "{tenant}: {what} wurde in der Zwischenzeit geändert. Der nächste Lauf versucht es wieder.",
        "{tenant}: {what} was changed in the meantime. The next refresh tries again.",
    ),
    "graph.throttled": (
        "Microsoft bremst die Anfragen für {tenant}. Der nächste Lauf versucht es wieder.",
        "Microsoft throttles the requests for {tenant}. The next refresh tries again.",
    ),
    "graph.unavailable": (
        "{what} von {tenant} ist bei Microsoft vorübergehend nicht verfügbar. Der nächste Lauf versucht es wieder.",
        "{what} of {tenant} is not available at Microsoft for the moment. The next refresh tries again.",
    ),
    "graph.server_error": (
        "Microsoft meldet für {tenant} einen eigenen Fehler ({status}, {what}). Der nächste Lauf versucht es wieder.",
        "Microsoft reports an error of its own for {tenant} ({status}, {what}). The next refresh tries again.",
    ),
    "graph.refused": (
        "Graph lehnt die Anfrage {what} für {tenant} ab: {detail}. Sagt das nichts, mit dieser Zeile beim Microsoft-Support nachfragen.",
        "Graph refuses the request {what} for {tenant}: {detail}. If that tells nothing, ask Microsoft's support with this line.",
    ),
    "graph.nothing_left": (
        "Microsoft nennt für {tenant} keine einzige Lizenz mehr, zuletzt waren es {count}. Die letzten Zahlen bleiben einen Tag stehen; Abonnements im Microsoft 365 Admin Center prüfen.",
        "Microsoft no longer names a single licence for {tenant}; last there were {count}. The last figures stay for a day; check the subscriptions in the Microsoft 365 admin center.",
    ),
    "graph.unreadable": (
        "Die Antwort von Microsoft für {tenant} ist nicht lesbar ({what}). Der nächste Lauf versucht es wieder.",
        "The answer of Microsoft for {tenant} cannot be read ({what}). The next refresh tries again.",
    ),
    "graph.rows_unreadable": (
        "{tenant}: {count} Zeilen der Lizenzen sind nicht lesbar ({why}). Für sie gelten die letzten guten Zahlen, alle anderen sind aktuell. Die technische Zeile nennt die SKU; bleibt es dabei, den Microsoft-Support fragen.",
        "{tenant}: {count} rows of the licences cannot be read ({why}). Their last good figures hold, all others are current. The technical line names the SKU; if it lasts, ask Microsoft's support.",
    ),
    # Bounds of names and files (core.bounds)
    "profile.too_long": (
        "{file}: Feld {field} hat mehr als {most} Zeichen; so viele fasst eine Spalte in SharePoint. Kürzen.",
        "{file}: field {field} has more than {most} characters, which is what a column in SharePoint holds. Shorten it.",
    ),
    "profile.control_sign": (
        "{file}: Feld {field} enthält ein Steuerzeichen ({value}). Den Wert neu eintippen, nicht einfügen.",
        "{file}: field {field} holds a control character ({value}). Type the value anew, do not paste it.",
    ),
    "profile.name_too_long": (
        "{file}: Der Dateiname hat zwischen config- und -profile.json mehr als {most} Zeichen. Die Datei kürzer benennen.",
        "{file}: the file name has more than {most} characters between config- and -profile.json. Give it a shorter name.",
    ),
    "profile.name_unreadable": (
        "{file}: Der Dateiname enthält Steuerzeichen oder ist nicht in UTF-8 geschrieben. Die Datei umbenennen.",
        "{file}: the file name holds control characters or is not written in UTF-8. Rename the file.",
    ),
    # SharePoint lists
    "sharepoint.column_missing": (
        "In der {list} fehlt die Spalte «{field}». Spalte anlegen oder «field_mapping» im SharePoint-Profil berichtigen.",
        "The {list} has no column “{field}”. Add it or correct “field_mapping” in the SharePoint profile.",
    ),
    "sharepoint.column_ambiguous": (
        "In der {list} passen mehrere Spalten auf «{field}»: {names}. In «field_mapping» des SharePoint-Profils den internen Namen der richtigen eintragen.",
        "In the {list} several columns fit “{field}”: {names}. Enter the internal name of the right one in “field_mapping” of the SharePoint profile.",
    ),
    "sharepoint.column_twice": (
        "In der {list} steht die Spalte «{field}» für «{one}» und für «{other}». Jedes braucht eine eigene Spalte; «field_mapping» im SharePoint-Profil berichtigen.",
        "In the {list} the column “{field}” stands for “{one}” and for “{other}”. Each needs a column of its own; correct “field_mapping” in the SharePoint profile.",
    ),
    "sharepoint.values_missing": (
        "In der {list} fehlt die Spalte «{field}». Ihre Werte werden nicht geschrieben, Meldungen gehen trotzdem hinaus; Spalte anlegen oder «field_mapping» im SharePoint-Profil berichtigen.",
        "The {list} has no column “{field}”. Its values are not written, messages go out all the same; add it or correct “field_mapping” in the SharePoint profile.",
    ),
    "sharepoint.values_ambiguous": (
        "In der {list} passen mehrere Spalten auf «{field}»: {names}. Geschrieben wird in keine, Meldungen gehen trotzdem hinaus; in «field_mapping» des SharePoint-Profils den internen Namen der richtigen eintragen.",
        "In the {list} several columns fit “{field}”: {names}. None of them is written, messages go out all the same; enter the internal name of the right one in “field_mapping” of the SharePoint profile.",
    ),
    "sharepoint.values_twice": (
        "In der {list} steht die Spalte «{field}» für «{one}» und für «{other}»; geschrieben wird nur «{one}». Jedes braucht eine eigene Spalte; «field_mapping» im SharePoint-Profil berichtigen.",
        "In the {list} the column “{field}” stands for “{one}” and for “{other}”; only “{one}” is written. Each needs a column of its own; correct “field_mapping” in the SharePoint profile.",
    ),
    "sharepoint.column_required": (
        "In der {list} muss die Spalte «{field}» ausgefüllt werden, das Lizenztool kennt sie aber nicht. SharePoint kann neue Zeilen ablehnen; die Pflicht aufheben oder einen Standardwert setzen.",
        "In the {list} the column “{field}” must be filled, but Lizenztool does not know it. SharePoint may refuse new rows; make it optional or give it a default value.",
    ),
    "sharepoint.type_of_key": (
        "In der {list} ist die Spalte «{field}» vom Typ {found}, nötig ist eine Textzeile ({wanted}). Neue Zeilen sind so nicht möglich oder werden nicht wiedergefunden; Spalte neu anlegen oder «field_mapping» berichtigen.",
        "In the {list} the column “{field}” is of type {found}, needed is a single line of text ({wanted}). New rows are not possible like this or are not found again; make the column anew or correct “field_mapping”.",
    ),
    "sharepoint.type_of_flag": (
        "In der {list} ist die Spalte «{field}» vom Typ {found}, nötig ist Ja/Nein ({wanted}). Bis sie stimmt, wird kein Auslöser geschrieben und niemand benachrichtigt; Spalte als Ja/Nein neu anlegen.",
        "In the {list} the column “{field}” is of type {found}, needed is yes/no ({wanted}). Until it is right no trigger is written and nobody is told; make the column anew as yes/no.",
    ),
    "sharepoint.type_of_switch": (
        "In der {list} ist die Spalte «{field}» vom Typ {found}, nötig ist Ja/Nein ({wanted}). Dieser Schalter ist nicht lesbar: Es gelten die letzten lesbaren Werte, und wo es keine gibt, wird niemand benachrichtigt. Spalte als Ja/Nein neu anlegen.",
        "In the {list} the column “{field}” is of type {found}, needed is yes/no ({wanted}). This switch cannot be read: the last values that could be read hold, and where there are none nobody is told. Make the column anew as yes/no.",
    ),
    "sharepoint.type_of_number": (
        "In der {list} ist die Spalte «{field}» vom Typ {found}, nötig ist Zahl ({wanted}). Ihre Werte werden nicht geschrieben, Meldungen gehen trotzdem hinaus; Typ der Spalte ändern.",
        "In the {list} the column “{field}” is of type {found}, needed is number ({wanted}). Its values are not written, messages go out all the same; change the type of the column.",
    ),
    "sharepoint.type_of_date": (
        "In der {list} ist die Spalte «{field}» vom Typ {found}, nötig ist Datum ({wanted}). Das Ende der Zertifikate wird nicht eingetragen, der zweite Flow warnt nicht davor; Typ der Spalte ändern.",
        "In the {list} the column “{field}” is of type {found}, needed is date ({wanted}). The end of the certificates is not entered and the second flow does not warn of it; change the type of the column.",
    ),
    "sharepoint.type_of_parameter": (
        "In der {list} ist die Spalte «{field}» vom Typ {found}, nötig ist eine Textzeile ({wanted}). Der Flow kann seine Parameter so nicht sicher lesen; Typ der Spalte ändern.",
        "In the {list} the column “{field}” is of type {found}, needed is a single line of text ({wanted}). Like this the flow cannot be sure to read its parameters; change the type of the column.",
    ),
    "sharepoint.read_only_key": (
        "In der {list} kann die Spalte «{field}» nicht beschrieben werden (schreibgeschützt, berechnet oder ausgeblendet). Neue Zeilen sind so nicht möglich; «field_mapping» auf die richtige Spalte berichtigen.",
        "In the {list} the column “{field}” cannot be written (read-only, calculated or hidden). New rows are not possible like this; correct “field_mapping” to the right column.",
    ),
    "sharepoint.read_only_flag": (
        "In der {list} kann die Spalte «{field}» nicht beschrieben werden (schreibgeschützt, berechnet oder ausgeblendet). Es wird kein Auslöser geschrieben und niemand benachrichtigt; «field_mapping» auf die richtige Spalte berichtigen.",
        "In the {list} the column “{field}” cannot be written (read-only, calculated or hidden). No trigger is written and nobody is told; correct “field_mapping” to the right column.",
    ),
    "sharepoint.read_only_switch": (
        "In der {list} kann die Spalte «{field}» nicht beschrieben werden (schreibgeschützt, berechnet oder ausgeblendet). Die Seite Monitoring kann diesen Schalter nicht ändern; «field_mapping» auf die richtige Spalte berichtigen.",
        "In the {list} the column “{field}” cannot be written (read-only, calculated or hidden). The page Monitoring cannot change this switch; correct “field_mapping” to the right column.",
    ),
    "sharepoint.read_only_number": (
        "In der {list} kann die Spalte «{field}» nicht beschrieben werden (schreibgeschützt, berechnet oder ausgeblendet). Ihre Werte bleiben, wie sie sind, Meldungen gehen trotzdem hinaus; «field_mapping» auf die richtige Spalte berichtigen.",
        "In the {list} the column “{field}” cannot be written (read-only, calculated or hidden). Its values stay as they are, messages go out all the same; correct “field_mapping” to the right column.",
    ),
    "sharepoint.odd_switch": (
        "In der {list} steht in der Spalte «{field}» weder Ja noch Nein (Zeilen: {count}; {names}; Wert: {values}). Es gelten deren letzte lesbare Schalter, und wo es keine gibt, wird niemand benachrichtigt; Spalte und Werte berichtigen.",
        "In the {list} the column “{field}” says neither yes nor no (rows: {count}; {names}; value: {values}). Their last switches that could be read hold, and where there are none nobody is told; correct column and values.",
    ),
    "sharepoint.switch_emptied": (
        "In der {list} haben Zeilen in der Spalte «{field}» keinen Wert mehr (Zeilen: {count}; {names}). Es gelten deren letzte Schalter; Ja oder Nein eintragen.",
        "In the {list} rows have no value any more in the column “{field}” (rows: {count}; {names}). Their last switches hold; enter yes or no.",
    ),
    "sharepoint.odd_flag": (
        "In der {list} steht in der Spalte «{field}» weder Ja noch Nein (Zeilen: {count}; {names}; Wert: {values}). Über diese Zeilen wird niemand benachrichtigt; Spalte und Werte berichtigen.",
        "In the {list} the column “{field}” says neither yes nor no (rows: {count}; {names}; value: {values}). Nobody is told about these rows; correct column and values.",
    ),
    "sharepoint.numbers_refused": (
        "SharePoint nimmt Werte für die {list} nicht an (Zeilen: {count}): «{said}». Meldungen gehen trotzdem hinaus, die Werte bleiben alt; Grenzen, Überprüfungsregeln und Pflichtspalten der Liste prüfen.",
        "SharePoint does not take values for the {list} (rows: {count}): “{said}”. Messages go out all the same, the values stay old; check bounds, validation rules and required columns of the list.",
    ),
    "sharepoint.row_refused": (
        "SharePoint nimmt in der {list} Zeilen überhaupt nicht an (Zeilen: {count}): «{said}». Über neue Engpässe in diesen Zeilen wird niemand benachrichtigt; Überprüfungsregeln und Pflichtspalten der Liste prüfen.",
        "SharePoint does not take rows of the {list} at all (rows: {count}): “{said}”. Nobody is told about new shortages in these rows; check validation rules and required columns of the list.",
    ),
    "sharepoint.parameter_missing": (
        "In der Parameterliste fehlt «{field}». Ohne diesen Wert verschickt der Flow keine Meldung; Wert eintragen.",
        "The parameter list has no “{field}”. Without it the flow sends no message; enter the value.",
    ),
    "sharepoint.channel_unknown": (
        "Der Parameter «communication» ist «{value}»; der Flow kennt nur «E-Mail» und «Teams». Wert berichtigen, sonst wird niemand benachrichtigt.",
        "The parameter “communication” is “{value}”; the flow knows only “E-Mail” and “Teams”. Correct it, otherwise nobody is told.",
    ),
    "sharepoint.flow_silent": (
        "Der Flow antwortet nicht: {count} Auslöser seit über {minutes} Minuten ohne Antwort. In Power Automate prüfen, ob «Lizenzüberwachung» eingeschaltet ist und ihre Verbindungen gültig sind.",
        "The flow does not answer: {count} triggers without an answer for more than {minutes} minutes. Check in Power Automate whether “Lizenzüberwachung” is on and its connections are valid.",
    ),
    "sharepoint.write_failed": (
        "{count} Zeilen der Lizenzstatusliste konnten nicht geschrieben werden. Der nächste Lauf versucht es wieder.",
        "{count} rows of the licence list could not be written. The next refresh tries again.",
    ),
    "sharepoint.write_forbidden": (
        "SharePoint lässt nicht in die {list} schreiben (Zeilen: {count}; HTTP 403 «{said}»). Über neue Engpässe in diesen Zeilen wird niemand benachrichtigt; die Site für die App-Registrierung mit der Rolle «write» freigeben.",
        "SharePoint does not let us write into the {list} (rows: {count}; HTTP 403 “{said}”). Nobody is told about new shortages in these rows; grant the app registration the role “write” on the site.",
    ),
    "sharepoint.not_found_again": (
        "Die Lizenzstatusliste gibt eine eben angelegte Zeile nicht wieder («{name}»); in diesem Lauf wurden darum keine weiteren angelegt. In SharePoint prüfen, ob ein Flow, eine Regel oder eine Spalteneinstellung neue Zeilen ändert oder löscht.",
        "The licence list does not give back a row that was just created (“{name}”), so no more were created in this refresh. Check in SharePoint whether a flow, a rule or a column setting changes or deletes new rows.",
    ),
    "sharepoint.duplicate_title": (
        "In der Tenantliste steht «{tenant}» mehrmals; es zählt die erste Zeile. Überzählige Zeilen löschen.",
        "The tenant list has “{tenant}” several times; the first row counts. Delete the others.",
    ),
    "access.rule_changed": (
        "Jemand anders hat diese Ausnahme inzwischen gesetzt, geändert oder beendet; es wurde nichts überschrieben. Die Ausnahme in der Tabelle ansehen und bei Bedarf erneut ändern.",
        "Somebody else has set, changed or ended this exception meanwhile; nothing was overwritten. Look at it in the table and change it again if needed.",
    ),
    "access.switched_meanwhile": (
        "{tenant} wurde inzwischen von jemand anderem umgeschaltet; es wurde nichts überschrieben. Ansicht prüfen und bei Bedarf erneut umschalten.",
        "{tenant} was switched by somebody else meanwhile; nothing was overwritten. Check the view and switch again if needed.",
    ),
    "sharepoint.changed_meanwhile": (
        "{tenant} wurde in SharePoint inzwischen geändert; es wurde nichts überschrieben. Ansicht prüfen und bei Bedarf erneut umschalten.",
        "{tenant} was changed in SharePoint in the meantime; nothing was overwritten. Check the view and switch again if needed.",
    ),
    "sharepoint.not_listed": (
        "{tenant} steht nicht in der Tenantliste. Zuerst aufnehmen.",
        "{tenant} is not in the tenant list. Add it first.",
    ),
    "sharepoint.away": (
        "Die SharePoint-Listen sind nicht benutzbar (letzter Kontakt {since}); neue Engpässe werden bis dahin niemandem gemeldet. {why}",
        "The SharePoint lists cannot be used (last contact {since}); until then nobody is told about new shortages. {why}",
    ),
    # Database
    "database.unreachable": (
        "Die Datenbank {file} kann nicht geöffnet werden. Pfad, Rechte und LIZENZTOOL_DATABASE_URL prüfen.",
        "The database {file} cannot be opened. Check path, permissions and LIZENZTOOL_DATABASE_URL.",
    ),
    "database.read_only": (
        "Die Datenbank {file} darf nicht beschrieben werden. Rechte von Datei und Ordner prüfen.",
        "The database {file} may not be written. Check the permissions of file and folder.",
    ),
    "database.full": (
        "Der Datenträger ist voll; in {file} kann nicht geschrieben werden. Platz schaffen, danach geht es von selbst weiter.",
        "The disk is full; {file} cannot be written. Make room, then all goes on by itself.",
    ),
    "database.disk_fault": (
        "Der Datenträger nimmt für {file} nichts an oder gibt nichts her. Freien Platz, Kontingent und Zustand des Datenträgers prüfen.",
        "The disk takes nothing for {file}, or gives nothing back. Check free space, quota and the health of the disk.",
    ),
    "database.damaged": (
        "Die Datenbank {file} ist beschädigt. Dienst anhalten, die Datei beiseitelegen und die neueste Kopie (.bak) an ihre Stelle setzen; ohne Kopie füllt der nächste Lauf eine neue.",
        "The database {file} is damaged. Stop the service, put the file aside and the newest copy (.bak) in its place; without a copy the next refresh fills a new one.",
    ),
    "database.busy": (
        "Die Datenbank {file} ist von einem anderen Programm gesperrt. Sicherungsprogramm oder zweiten Dienst prüfen.",
        "The database {file} is locked by another program. Check for a backup program or a second service.",
    ),
    "database.newer": (
        "Die Datenbank {file} stammt von einer neueren Version ({version}). Die neuere Version starten oder die ältere Kopie (.bak) verwenden.",
        "The database {file} comes from a newer version ({version}). Start the newer version or use the older copy (.bak).",
    ),
    "database.driver_missing": (
        "Für die Datenbank {file} fehlt das Python-Paket {module}. Es mit pip in dieselbe Umgebung installieren.",
        "The database {file} needs the Python package {module}. Install it with pip into the same environment.",
    ),
    # Check
    "check.no_profile": (
        "In {folder} liegt noch kein Tenant-Profil. Das erste anlegen, siehe docs/anleitung.md.",
        "There is no tenant profile in {folder} yet. Make the first one, see docs/anleitung.md.",
    ),
    "check.certificate_ends": (
        "Das Zertifikat von {tenant} endet in {days} Tagen ({until}). Vorher mit «python -m core cert new {slug}» ein neues erstellen und den öffentlichen Teil in der App-Registrierung hochladen.",
        "The certificate of {tenant} ends in {days} days ({until}). Before that make a new one with “python -m core cert new {slug}” and upload its public part to the app registration.",
    ),
    "check.certificate_ends_now": (
        "Das Zertifikat von {tenant} endet schon am {until}. Jetzt mit «python -m core cert new {slug}» ein neues erstellen und den öffentlichen Teil in der App-Registrierung hochladen.",
        "The certificate of {tenant} already ends on {until}. Make a new one now with “python -m core cert new {slug}” and upload its public part to the app registration.",
    ),
    "check.certificate_ended": (
        "Das Zertifikat von {tenant} ist am {until} abgelaufen. Mit «python -m core cert new {slug}» ein neues erstellen und den öffentlichen Teil in der App-Registrierung hochladen.",
        "The certificate of {tenant} ended on {until}. Make a new one with “python -m core cert new {slug}” and upload its public part to the app registration.",
    ),
    "check.unreadable": (
        "{tenant} konnte seit {since} nicht gelesen werden. {why}",
        "{tenant} could not be read since {since}. {why}",
    ),
    "check.partly_unreadable": (
        "{tenant} kann seit {since} nur teilweise gelesen werden. {why}",
        "{tenant} can only be read in part since {since}. {why}",
    ),
    "check.unreadable_long": (
        "{tenant} ist seit mehr als einem Tag nicht lesbar ({since}); die Zahlen sind vom {read}. {why}",
        "{tenant} has not been readable for more than a day ({since}); its figures are of {read}. {why}",
    ),
    "check.unreadable_never": (
        "{tenant} ist seit mehr als einem Tag nicht lesbar ({since}); es gibt noch keine Zahlen. {why}",
        "{tenant} has not been readable for more than a day ({since}); there are no figures yet. {why}",
    ),
    "check.never_read": (
        "Noch nie gelesen: {names}. Der nächste Lauf holt das nach, oder «Aktualisieren».",
        "Never read: {names}. The next refresh makes up for it, or “Refresh”.",
    ),
    "check.gone": (
        "{product} ist bei {tenant} entfallen; am {day} war es noch {count}-mal zugewiesen. Ist das nicht gewollt, das Abonnement im Microsoft 365 Admin Center prüfen.",
        "{product} is gone at {tenant}; on {day} it was still assigned {count} times. If this is not intended, check the subscription in the Microsoft 365 admin center.",
    ),
    "check.shortages": (
        "{tenant}: {count} Engpässe, davon überbelegt {over}, in der Nachfrist {grace}, ausgesetzt {suspended}. Auf der Startseite stehen sie einzeln.",
        "{tenant}: {count} shortages, of these over-assigned {over}, in grace {grace}, suspended {suspended}. The start page lists them one by one.",
    ),
    "check.names": (
        "Die Produktnamen können nicht gelesen werden: {fault} Bis dahin stehen Artikelnummern statt Namen, und ein Gratisprodukt kann als Engpass gelten.",
        "The product names cannot be read: {fault} Until then part numbers stand for names, and a free product may pass for a shortage.",
    ),
    "check.not_listed": (
        "Nicht in der Tenantliste und darum nicht überwacht: {names} ({count}). Auf der Seite Monitoring in die Liste aufnehmen.",
        "Not in the tenant list and therefore not monitored: {names} ({count}). Add them to the list on the page Monitoring.",
    ),
    "check.rows_vanished": (
        "Aus der Tenantliste verschwunden: {names} ({count}, bemerkt {since}). Es gelten die letzten Schalter, Engpässe werden weiter gemeldet. Auf der Seite Monitoring wieder eintragen oder die Entfernung bestätigen.",
        "Vanished from the tenant list: {names} ({count}, noticed {since}). The last switches hold, shortages are still told. Put them back on the page Monitoring, or confirm the removal there.",
    ),
    "check.profiles_gone": (
        "Profil entfernt, darum weder gelesen noch überwacht: {names} ({count}, zuletzt {read}). War es ein Versehen, die Datei zurücklegen; sonst endet dieser Hinweis nach 30 Tagen.",
        "Profile removed, therefore neither read nor monitored: {names} ({count}, last {read}). If that was a mistake, put the file back; else this note ends after 30 days.",
    ),
    "check.sharepoint_gone": (
        "Das SharePoint-Profil ist verschwunden (letzter Kontakt {since}); niemand wird über Engpässe benachrichtigt. Die Datei in profiles/sharepoint zurücklegen; war es gewollt, endet dieser Hinweis nach 30 Tagen.",
        "The SharePoint profile has vanished (last contact {since}); nobody is told about shortages. Put the file back into profiles/sharepoint; if it was intended, this note ends after 30 days.",
    ),
    "check.first_push": (
        "Der nächste Lauf meldet dem Support {count} Engpässe, die es schon gibt. Sollen sie ohne Meldung als bekannt gelten: «python -m core sync --take-over» oder die Schaltfläche auf der Seite Monitoring.",
        "The next refresh tells the support team about {count} shortages that exist already. To have them count as known without a message: “python -m core sync --take-over” or the button on the page Monitoring.",
    ),
    "check.no_renewals": (
        "{tenant}: Erneuerungsdaten sind nicht lesbar. Wer sie sehen will, gibt der Anwendung Organization.Read.All.",
        "{tenant}: renewal dates cannot be read. If you want to see them, give the application Organization.Read.All.",
    ),
    "check.no_sharepoint": (
        "Es gibt kein SharePoint-Profil: Engpässe werden angezeigt, aber niemandem gemeldet.",
        "There is no SharePoint profile: shortages are shown but nobody is told.",
    ),
    # Refresh
    "refresh.overdue": (
        "Seit {since} ist kein Lauf mehr zu Ende gekommen, obwohl alle {minutes} Minuten einer fällig ist; die Zahlen veralten. Prüfen, ob der Dienst läuft, und das Protokoll (logs/lizenztool.log) lesen.",
        "No refresh has come to its end since {since} although one is due every {minutes} minutes; the figures grow old. Check that the service runs, and read the log (logs/lizenztool.log).",
    ),
    "refresh.failed": (
        "Der Lauf ist an einem unerwarteten Fehler gescheitert. Das Protokoll (logs/lizenztool.log) nennt die Einzelheiten; der nächste Lauf kommt wie geplant.",
        "The refresh failed with an unexpected error. The log (logs/lizenztool.log) has the details; the next refresh comes as planned.",
    ),
    "refresh.lock_lost": (
        "Die Verbindung zur Datenbank brach ab, und mit ihr die Sperre, durch die nur ein Lauf zur selben Zeit geschieht. Der Lauf wurde deshalb beendet; was gelesen war, ist gespeichert, den Rest holt der nächste nach. Kommt das öfter vor: die Verbindung zu PostgreSQL prüfen (Netz, Neustarts, ein Pooler, der Sitzungen wechselt).",
        "The connection to the database broke, and with it the lock that lets only one refresh run at a time. So the refresh was ended; what had been read is stored, the next one fetches the rest. If this happens often, check the connection to PostgreSQL (network, restarts, a pooler that switches sessions).",
    ),
    "refresh.unexpected": (
        "Beim Lesen von {tenant} ist ein unerwarteter Fehler aufgetreten. Das Protokoll (logs/lizenztool.log) nennt die Einzelheiten.",
        "An unexpected error occurred while reading {tenant}. The log (logs/lizenztool.log) has the details.",
    ),
    "refresh.unknown_tenant": (
        "Einen Tenant «{tenant}» gibt es in den Profilen nicht. Gemeint ist vielleicht: {near}.",
        "There is no tenant “{tenant}” in the profiles. Perhaps you mean: {near}.",
    ),
    "refresh.stopped": (
        "Der Lauf wurde abgebrochen, bevor {tenant} gelesen war. Der nächste Lauf holt es nach.",
        "The refresh was stopped before {tenant} was read. The next refresh makes up for it.",
    ),
}
