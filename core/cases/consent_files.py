"""Attachments of consents that came by phone or mail: a PDF or a mail, told by its content and not by its name."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.policy import compat32
from hashlib import sha256
from uuid import uuid4

from sqlalchemy import Engine

from core import audit
from core.bounds import bounded_text
from core.cache.audit_rows import Entry, append
from core.cache.case_rows import unlocked_case
from core.cache.consent_rows import (
    ConsentRecord,
    StoredFile,
    add_file,
    consent_file,
    consent_record,
    count_files,
)
from core.cache.sql import Transaction, transaction
from core.cases.writing import CaseRefused
from core.problems import Problem
from core.roles import Action, Actor

LARGEST = 5 * 2**20  # bytes
MOST_FILES = 10  # of one consent
PDF, MAIL = "application/pdf", "message/rfc822"
ENDINGS = {PDF: ".pdf", MAIL: ".eml"}
_HEADER = re.compile(rb"[!-9;-~]+:[ \t]?[^\r\n]*")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as somebody has given it."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it is given out."""

    name: str
    media_type: str
    content: bytes


def media_type_of(content: bytes) -> str | None:
    """Return the kind of a file by its content: PDF, mail, or None for anything else."""
    if content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]:
        return PDF
    return MAIL if _is_mail(content) else None


def _is_mail(content: bytes) -> bool:
    """Return True if the file begins with a header field and has those that every mail has (RFC 5322)."""
    head = content[: 64 * 1024]
    if b"\0" in head or not _HEADER.match(head.lstrip(b"\xef\xbb\xbf")):
        return False
    mail = message_from_bytes(head, policy=compat32)
    return bool(mail.get("From")) and bool(mail.get("Date"))


def checked_file(upload: Upload, consent_id: str, actor: Actor, now: datetime) -> StoredFile:
    """Return the file as it is stored. Raises CaseRefused."""
    content = upload.content
    if len(content) > LARGEST:
        raise CaseRefused(Problem("approval.file_large", {"most": str(LARGEST // 2**20)}))
    media_type = media_type_of(content)
    if media_type is None:
        raise CaseRefused(Problem("approval.file_kind", {"name": bounded_text(upload.name, 100) or "–"}))
    return StoredFile(
        uuid4().hex, consent_id, _name(upload.name, media_type), media_type, len(content),
        sha256(content).hexdigest(), actor.name, now, b64encode(content).decode(),
    )  # fmt: skip


def _name(name: str, media_type: str) -> str:
    """Return a name for the file without folders and signs that a system could misread, with the ending of its kind."""
    stem = re.sub(r"[^\w. -]", "_", bounded_text(re.split(r"[/\\]", name)[-1], 150)).strip(". ")
    ending = ENDINGS[media_type]
    return (stem[: -len(ending)] if stem.lower().endswith(ending) else stem or "beleg") + ending


def attach(engine: Engine, actor: Actor, consent_id: str, upload: Upload, now: datetime) -> StoredFile:
    """Add a file to a consent. Raises NotAllowed, CaseRefused, DatabaseError."""
    actor.need(Action.CASES)
    file = checked_file(upload, consent_id, actor, now)
    with transaction(engine) as connection:
        record = consent_record(connection, consent_id)
        if record is None:
            raise CaseRefused(Problem("approval.file_nowhere"))
        if count_files(connection, consent_id) >= MOST_FILES:
            raise CaseRefused(Problem("approval.files_many", {"most": str(MOST_FILES)}))
        add_file(connection, file)
        after = {"name": file.name, "bytes": file.size, "sha256": file.sha256}
        append(connection, Entry(actor, "consent.file_added", case_number(connection, record), after=after), now)
    return file


def case_of_consent(engine: Engine, consent_id: str) -> str | None:
    """Return the number of the first case of a consent; None if there is no such consent. Raises DatabaseError."""
    with transaction(engine) as connection:
        record = consent_record(connection, consent_id)
        return case_number(connection, record) if record else None


def case_number(connection: Transaction, record: ConsentRecord) -> str:
    """Return the number of the first case of a consent."""
    case = unlocked_case(connection, record.items[0].case_id)
    return case.number if case else ""


def read_file(engine: Engine, actor: Actor, file_id: str) -> Download:
    """Return an attachment, which is noted. Raises NotAllowed, CaseRefused, DatabaseError."""
    actor.need(Action.CASES)
    stored = consent_file(engine, file_id)
    if stored is None:
        raise CaseRefused(Problem("approval.file_gone"))
    content = b64decode(stored.content)
    if sha256(content).hexdigest() != stored.sha256:
        raise CaseRefused(Problem("approval.file_damaged", {"name": stored.name}))
    audit.record(engine, actor, "export", f"consent {stored.consent_id}: {stored.name}", after={"bytes": stored.size})
    return Download(stored.name, stored.media_type, content)
