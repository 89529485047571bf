"""The consents of a case: what the customer was asked, what it has answered, and the link that is shown once."""

from __future__ import annotations

import streamlit as st

from core import runtime
from core.cache.consent_rows import ConsentRecord, Decision, StoredFile, consents_of_case, files_of_consents
from core.cases.consent_files import read_file
from core.cases.detail import CaseDetail
from core.roles import Action
from ui import format as fmt
from ui.action_messages import show_secret
from ui.cases.case_words import quantity_words
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.texts import text


def consent_section(detail: CaseDetail, view: View) -> None:
    """Show the questions to the customer, the newest first; nothing if there is none."""
    records = consents_of_case(runtime.current().engine, detail.case.case_id)
    if not records:
        return
    st.header(text("approval.section"), anchor=False)
    show_secret()
    files = files_of_consents(runtime.current().engine, [one.consent.consent_id for one in records])
    for record in records:
        st.markdown(consent_line(record, view))
        if record.decision is not None:
            st.markdown(decision_line(record, record.decision, view))
        _shown_text(record, view)
        if current_user().may(Action.CASES):
            for file in files[record.consent.consent_id]:
                _download(file)
            if record.decision is not None:
                st.markdown(f"[{text('approval.attach')}](/beleg?freigabe={record.consent.consent_id})")


def consent_line(record: ConsentRecord, view: View) -> str:
    """Return "**Wartet auf Antwort** · 5 × Microsoft 365 A3 · Petra Muster · gefragt 12.3. · gilt bis 26.3."."""
    consent, lang = record.consent, view.language
    parts = [f"**{plain(text(f'approval.state.{consent.state}', lang))}**"]
    parts += [plain(f"{item.quantity} × {item.product}") for item in record.items]
    parts += [plain(text(f"approval.way.{consent.channel}", lang))] if consent.channel in ("mail", "link") else []
    parts += list(dict.fromkeys(plain(link.contact_name) for link in record.links))
    asked = fmt.clock(consent.asked_at, view.now, lang, view.zone)
    parts.append(plain(text("approval.asked_at", lang, at=asked, name=consent.asked_by_name)))
    if consent.state == "asking":
        day = fmt.day(consent.expires_at.astimezone(view.zone).date(), lang)
        parts.append(plain(text("approval.valid_until", lang, day=day)))
    return " · ".join(parts)


def decision_line(record: ConsentRecord, decision: Decision, view: View) -> str:
    """Return who has decided what, when and how, with the comment."""
    lang = view.language
    values = {
        "name": decision.name,
        "at": fmt.moment(decision.at, lang, view.zone),
        "channel": text(f"approval.channel.{decision.channel}", lang),
        "licences": ", ".join(
            f"{quantity_words(decision.quantities.get(item.case_id, 0), lang)} {item.product}" for item in record.items
        ),
    }
    words = plain(text(f"approval.decided.{decision.decision}", lang, **values))
    if decision.recorded_by:
        words += " · " + plain(text("approval.recorded_by", lang, name=decision.recorded_by_name))
    elif decision.address:
        words += " · " + plain(text("approval.from_address", lang, address=decision.address))
    return words + (f"\n> {plain(' '.join(decision.comment.split()))}" if decision.comment else "")


def _shown_text(record: ConsentRecord, view: View) -> None:
    """Show the text that the customer has read, folded."""
    said = record.decision.text if record.decision else ""
    shown = said or "\n\n".join((record.links[0].subject, record.links[0].body) if record.links else ())
    if shown:
        with st.expander(text("approval.shown_text", view.language)):
            st.text(shown)


def _download(file: StoredFile) -> None:
    engine, user = runtime.current().engine, current_user()
    st.download_button(
        text("approval.file", name=plain(file.name)), data=lambda: read_file(engine, user, file.file_id).content,
        file_name=file.name, mime="application/octet-stream", icon=":material/attach_file:", on_click="ignore",
        key=bound_key("consent_file", file.file_id),
    )  # fmt: skip
