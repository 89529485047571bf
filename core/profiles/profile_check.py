"""Check one profile file: read its fields and collect their problems.

A *needed* field is required; a problem with a *control* field is only reported.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Collection, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol

from core.bounds import LONGEST_FILE, LONGEST_NAME, LONGEST_SLUG, field_fault, file_name_fault, visible
from core.name_key import guid_key, name_key, thumbprint_key
from core.problems import Problem
from core.profiles.certificate_files import CertificateError
from core.profiles.certificates import Certificate
from core.profiles.profile_faults import HARMLESS, Fault
from core.profiles.profile_files import EXPECTED, PATTERNS, Kind
from core.profiles.profile_json import Content, spelled, text_of
from core.text_files import NoFile, file_name, is_text, shown

CREDENTIALS = ("tenant_id", "client_id", "thumbprint", "cert_path", "expires")
CONTROL = {"thumbprint": "<SHA-1>", "expires": "<YYYY-MM-DD>"}  # the certificate knows both; how each is written
MOST_UNKNOWN = 10  # fields of one object
LONGEST = 200  # signs of a value in a message
QUOTES = "\"'«»“”„‘’"
NO_FILE = {"folder": "profile.is_folder", "kind": "profile.not_a_file", "size": "profile.too_large"}
NEEDED_FAULTS = {
    "missing": "profile.field_missing",
    "not_text": "profile.field_not_text",
    "unstorable": "profile.control_sign",
    "empty": "profile.field_empty",
}
CONTROL_FAULTS = {
    "missing": "profile.control_missing",
    "not_text": "profile.control_unusable",
    "unstorable": "profile.control_unusable",
    "empty": "profile.control_unusable",
}


class Source(Protocol):
    """Where a check reads files."""

    folder: Path

    def read(self, path: Path) -> Content: ...

    def certificate(self, path_text: str) -> Certificate: ...


class Check:
    """Reads the fields of one file and collects what is wrong with them."""

    def __init__(self, store: Source, path: Path, kind: Kind, now: datetime) -> None:
        self.path, self.store, self.kind, self.now = path, store, kind, now
        self.problems: list[Problem] = []
        self.file = file_name(path)
        named = PATTERNS[kind].fullmatch(path.name) if is_text(path.name) else None
        slug = named["slug"] if named else Path(self.file).stem
        self.slug = visible(slug)[:LONGEST_SLUG]
        self.name = ""
        self.data: Mapping[str, Any] = {}
        self.readable = False
        self.pem: Path | None = None  # the file of its certificate
        if not is_text(path.name):
            self.add("profile.name_unreadable")
        elif not named:
            self.add("profile.file_name", expected=EXPECTED[kind])
        if fault := file_name_fault(slug):
            self.add(fault, most=str(LONGEST_SLUG))
        self._read()

    def _read(self) -> None:
        try:
            content = self.store.read(self.path)
        except json.JSONDecodeError as error:
            self.add("profile.json_broken", line=str(error.lineno), column=str(error.colno))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self.add("profile.encoding_unknown", line=str(line), encoding=error.encoding.upper())
        except NoFile as error:
            self.add(NO_FILE[error.code])
        except FileNotFoundError:
            target = os.readlink(self.path) if self.path.is_symlink() else "?"
            self.add("profile.link_broken", target=target)
        except RecursionError:
            self.add("profile.too_deep")
        except (OSError, ValueError) as error:
            self.add("profile.unreadable", reason=getattr(error, "strerror", None) or type(error).__name__)
        else:
            self._take(content)

    def _take(self, content: Content) -> None:
        if not isinstance(content.data, dict):
            self.add("profile.not_object")
            return
        self.data, self.readable = content.data, True
        if content.encoding != "UTF-8":
            self.add("profile.encoding", encoding=content.encoding)
        for name in list(dict.fromkeys(content.twice))[:MOST_UNKNOWN]:
            self.add("profile.field_twice", field=name)

    @property
    def usable(self) -> bool:
        return all(problem.code in HARMLESS for problem in self.problems)

    def fault(self) -> Fault:
        folder = self.path.parent.relative_to(self.store.folder).as_posix()
        file = self.file if folder == "." else f"{folder}/{self.file}"
        return Fault(file[:LONGEST_FILE], self.slug, self.problems, self.usable, self.kind, self.name or self.slug)

    def add(self, code: str, **params: str) -> None:
        """Note a problem; what the file says is bounded and made fit to be shown."""
        self.problems.append(
            Problem(code, {"file": self.file, **{name: shown(text, LONGEST) for name, text in params.items()}})
        )

    def text(self, name: str, data: Mapping[str, Any] | None = None, prefix: str = "") -> str:
        """The needed field as clean, non-empty text, or "" after noting what is wrong with it."""
        if not self.readable:
            return ""
        source = self.data if data is None else data
        value, fault = text_of(source, name)
        if fault:
            self.add(NEEDED_FAULTS[fault], field=prefix + name, value=str(source.get(name)))
        elif code := field_fault(name, value):
            self.add(code, field=prefix + name, value=value, most=str(LONGEST_NAME))
            return ""
        return value

    def guid(self, name: str) -> str:
        """The needed field as a GUID in its usual form, or "" after noting what is wrong with it."""
        value = self.text(name)
        if value and not guid_key(value):
            self.add("profile.guid_invalid", field=name, value=value)
        return guid_key(value)

    def credentials(self, known: set[str]) -> tuple[str, str, Certificate | None]:
        """(tenant id, client id, certificate) after checking all fields of an app registration."""
        if not self.readable:
            return "", "", None
        self.data = self.known_fields(self.data, known)
        tenant_id, client_id = self.guid("tenant_id"), self.guid("client_id")
        certificate = self.certificate()
        for name in CONTROL:
            self._control(name, certificate)
        return tenant_id, client_id, certificate

    def certificate(self) -> Certificate | None:
        """The certificate that `cert_path` names, or None after noting what is wrong with it."""
        value = self.text("cert_path").strip(f"{QUOTES} ")
        if not value:
            return None
        try:
            certificate = self.store.certificate(value)
        except CertificateError as error:
            named = Path(value).with_suffix("").as_posix()
            self.add(error.code, field="cert_path", value=value, other=error.other, slug=self.slug, stem=named)
            return None
        self.pem = certificate.path
        for code in certificate.notes:
            self.add(code, field="cert_path", value=value, bits=str(certificate.private_key.key_size), slug=self.slug)
        self._validity(certificate)
        return certificate

    def _control(self, name: str, certificate: Certificate | None) -> None:
        real = CONTROL[name]
        if certificate is not None:
            real = certificate.thumbprint if name == "thumbprint" else certificate.expires.date().isoformat()
        value, fault = text_of(self.data, name)
        if fault:
            self.add(CONTROL_FAULTS[fault], field=name, real=real)
        elif certificate is not None:
            self.compare(name, value, certificate)

    def compare(self, name: str, value: str, certificate: Certificate) -> None:
        """Note when the control field `name` says something else than the certificate."""
        if name == "expires":
            self._expires(value, certificate.expires.date())
        elif thumbprint_key(value) not in (certificate.thumbprint.lower(), certificate.thumbprint_sha256.lower()):
            self.add("profile.thumbprint_wrong", field=name, value=value, real=certificate.thumbprint)

    def _expires(self, value: str, real: date) -> None:
        try:
            written = date.fromisoformat(name_key(value)[:10])
        except ValueError:
            self.add("profile.date_invalid", field="expires", value=value, real=real.isoformat())
            return
        if abs((written - real).days) > 1:  # the day may differ by the time zone
            self.add("profile.expires_wrong", field="expires", value=value, real=real.isoformat())

    def _validity(self, certificate: Certificate) -> None:
        real = certificate.expires.date()
        if certificate.expires <= self.now:
            self.add("profile.cert_expired", field="cert_path", real=real.isoformat(), slug=self.slug)
        if certificate.not_before > self.now:
            self.add("profile.cert_not_yet", field="cert_path", real=certificate.not_before.date().isoformat())

    def section(self, name: str, data: Mapping[str, Any] | None = None, prefix: str = "") -> Mapping[str, Any] | None:
        """The needed field as an object, or None after noting what is wrong with it."""
        source = self.data if data is None else data
        found = source.get(name)
        if isinstance(found, dict):
            return found
        if self.readable:
            self.add("profile.field_not_object" if name in source else "profile.field_missing", field=prefix + name)
        return None

    def known_fields(self, data: Mapping[str, Any], known: Collection[str], prefix: str = "") -> Mapping[str, Any]:
        """The object with its fields as the contract spells them, after noting those that it does not know."""
        found = spelled(data, known)
        for name in sorted(set(found) - set(known))[:MOST_UNKNOWN]:
            near = difflib.get_close_matches(name[:100], known, n=1)
            self.add("profile.field_unknown", field=prefix + name, near=near[0] if near else ", ".join(sorted(known)))
        return found
