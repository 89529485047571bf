"""Check one profile file: read its fields and collect their problems.

A profile cannot be used without its *required* fields. A *control* field repeats what the certificate says; a problem
with it is only reported.
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
from core.profiles.profile_files import CERT_OPTIONS, EXPECTED_NAMES, PATTERNS, Kind
from core.profiles.profile_json import ProfileJson, contract_spelling, text_field
from core.text_files import NoFile, file_name, is_text, shown

CREDENTIALS = ("tenant_id", "client_id", "thumbprint", "cert_path", "expires")
CONTROL_FIELDS = {
    "thumbprint": "<SHA-1>",
    "expires": "<YYYY-MM-DD>",
}  # name -> form
MOST_REPORTED = 10  # unknown or repeated fields of one object
LONGEST_VALUE = 200  # characters of a value in a message
QUOTES = "\"'«»“”„‘’"
NO_FILE = {"folder": "profile.is_folder", "kind": "profile.not_a_file", "size": "profile.too_large"}
REQUIRED_FAULTS = {
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


class ProfileSource(Protocol):
    """Reads the files that a check needs."""

    folder: Path

    def read(self, path: Path) -> ProfileJson: ...

    def certificate(self, path_text: str) -> Certificate: ...


class ProfileCheck:
    """The check of one profile file: reads its fields and collects their problems in `problems`."""

    def __init__(self, store: ProfileSource, path: Path, kind: Kind, now: datetime) -> None:
        self.path, self.store, self.kind, self.now = path, store, kind, now
        self.problems: list[Problem] = []
        self.file = file_name(path)
        named = PATTERNS[kind].fullmatch(path.name) if is_text(path.name) else None
        slug = named["slug"] if named else Path(self.file).stem
        self.slug = visible(slug)[:LONGEST_SLUG]
        self.name = ""
        self.data: Mapping[str, Any] = {}
        self.readable = False
        self.certificate_path: Path | None = None  # of the profile's certificate
        if not is_text(path.name):
            self.add_problem("profile.name_unreadable")
        elif not named:
            self.add_problem("profile.file_name", expected=EXPECTED_NAMES[kind])
        if fault := file_name_fault(slug):
            self.add_problem(fault, most=str(LONGEST_SLUG))
        self._read()

    def _read(self) -> None:
        try:
            content = self.store.read(self.path)
        except json.JSONDecodeError as error:
            self.add_problem("profile.json_broken", line=str(error.lineno), column=str(error.colno))
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            self.add_problem("profile.encoding_unknown", line=str(line), encoding=error.encoding.upper())
        except NoFile as error:
            self.add_problem(NO_FILE[error.code])
        except FileNotFoundError:
            target = os.readlink(self.path) if self.path.is_symlink() else "?"
            self.add_problem("profile.link_broken", target=target)
        except RecursionError:
            self.add_problem("profile.too_deep")
        except (OSError, ValueError) as error:
            self.add_problem("profile.unreadable", reason=getattr(error, "strerror", None) or type(error).__name__)
        else:
            self._keep(content)

    def _keep(self, content: ProfileJson) -> None:
        if not isinstance(content.data, dict):
            self.add_problem("profile.not_object")
            return
        self.data, self.readable = content.data, True
        if content.encoding != "UTF-8":
            self.add_problem("profile.encoding", encoding=content.encoding)
        for name in list(dict.fromkeys(content.repeated))[:MOST_REPORTED]:
            self.add_problem("profile.field_twice", field=name)

    @property
    def usable(self) -> bool:
        """Return True if every problem so far is harmless."""
        return all(problem.code in HARMLESS for problem in self.problems)

    def fault(self) -> Fault:
        """Return the problems of the file as a Fault."""
        folder = self.path.parent.relative_to(self.store.folder).as_posix()
        file = self.file if folder == "." else f"{folder}/{self.file}"
        return Fault(file[:LONGEST_FILE], self.slug, self.problems, self.usable, self.kind, self.name or self.slug)

    def add_problem(self, code: str, **params: str) -> None:
        """Add the problem `code`; values from the file are shortened and their control characters replaced."""
        self.problems.append(
            Problem(code, {"file": self.file, **{name: shown(text, LONGEST_VALUE) for name, text in params.items()}})
        )

    def required_text(self, name: str, data: Mapping[str, Any] | None = None, prefix: str = "") -> str:
        """Return the field as clean text; "" after adding its problem if it is missing, empty or no text."""
        if not self.readable:
            return ""
        source = self.data if data is None else data
        value, fault = text_field(source, name)
        if fault:
            self.add_problem(REQUIRED_FAULTS[fault], field=prefix + name, value=str(source.get(name)))
        elif code := field_fault(name, value):
            self.add_problem(code, field=prefix + name, value=value, most=str(LONGEST_NAME))
            return ""
        return value

    def required_guid(self, name: str) -> str:
        """Return the field as a GUID in lower case with hyphens; "" after adding its problem if it is none."""
        value = self.required_text(name)
        if value and not guid_key(value):
            self.add_problem("profile.guid_invalid", field=name, value=value)
        return guid_key(value)

    def credentials(self, names: set[str]) -> tuple[str, str, Certificate | None]:
        """Return (tenant id, client id, certificate) of the app registration.

        `names` are the fields that the file may have. A value that is missing or wrong is "" or None; its problem is
        added.
        """
        if not self.readable:
            return "", "", None
        self.data = self.contract_fields(self.data, names)
        tenant_id, client_id = self.required_guid("tenant_id"), self.required_guid("client_id")
        certificate = self.certificate()
        for name in CONTROL_FIELDS:
            self._check_control(name, certificate)
        return tenant_id, client_id, certificate

    def certificate(self) -> Certificate | None:
        """Return the certificate at `cert_path`; None after adding its problem if it cannot be used."""
        value = self.required_text("cert_path").strip(f"{QUOTES} ")
        if not value:
            return None
        try:
            certificate = self.store.certificate(value)
        except CertificateError as error:
            stem = Path(value).with_suffix("").as_posix()
            self.add_problem(error.code, field="cert_path", value=value, other=error.other, slug=self.slug, stem=stem)
            return None
        self.certificate_path = certificate.path
        for code in certificate.notes:
            self.add_problem(
                code, field="cert_path", value=value, bits=str(certificate.private_key.key_size), slug=self.slug
            )
        self._check_validity(certificate)
        return certificate

    def _check_control(self, name: str, certificate: Certificate | None) -> None:
        real = CONTROL_FIELDS[name]
        if certificate is not None:
            real = certificate.thumbprint if name == "thumbprint" else certificate.expires.date().isoformat()
        value, fault = text_field(self.data, name)
        if fault:
            self.add_problem(CONTROL_FAULTS[fault], field=name, real=real)
        elif certificate is not None:
            self.compare_control(name, value, certificate)

    def compare_control(self, name: str, value: str, certificate: Certificate) -> None:
        """Add a problem if the control field `name` has another value than the certificate."""
        if name == "expires":
            self._compare_expires(value, certificate.expires.date())
        elif thumbprint_key(value) not in (certificate.thumbprint.lower(), certificate.thumbprint_sha256.lower()):
            self.add_problem("profile.thumbprint_wrong", field=name, value=value, real=certificate.thumbprint)

    def _compare_expires(self, value: str, real: date) -> None:
        try:
            written = date.fromisoformat(name_key(value)[:10])
        except ValueError:
            self.add_problem("profile.date_invalid", field="expires", value=value, real=real.isoformat())
            return
        if abs((written - real).days) > 1:  # the day may differ by the time zone
            self.add_problem("profile.expires_wrong", field="expires", value=value, real=real.isoformat())

    def _check_validity(self, certificate: Certificate) -> None:
        real = certificate.expires.date()
        if certificate.expires <= self.now:
            command = f"{self.slug}{CERT_OPTIONS[self.kind]}"
            self.add_problem("profile.cert_expired", field="cert_path", real=real.isoformat(), slug=command)
        if certificate.not_before > self.now:
            self.add_problem("profile.cert_not_yet", field="cert_path", real=certificate.not_before.date().isoformat())

    def required_object(
        self, name: str, data: Mapping[str, Any] | None = None, prefix: str = ""
    ) -> Mapping[str, Any] | None:
        """Return the field as a JSON object; None after adding its problem if it is missing or no object."""
        source = self.data if data is None else data
        value = source.get(name)
        if isinstance(value, dict):
            return value
        if self.readable:
            self.add_problem(
                "profile.field_not_object" if name in source else "profile.field_missing", field=prefix + name
            )
        return None

    def contract_fields(self, data: Mapping[str, Any], names: Collection[str], prefix: str = "") -> Mapping[str, Any]:
        """Return `data` with its fields spelled as in `names`, after adding a problem for each other field."""
        fields = contract_spelling(data, names)
        for name in sorted(set(fields) - set(names))[:MOST_REPORTED]:
            near = difflib.get_close_matches(name[:100], names, n=1)
            self.add_problem(
                "profile.field_unknown", field=prefix + name, near=near[0] if near else ", ".join(sorted(names))
            )
        return fields
