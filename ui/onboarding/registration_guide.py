"""What a person does in the Entra portal: the clicks with the file to upload, or the link for the consent."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode, urlsplit

import streamlit as st

from core.cache.onboarding_rows import Onboarding
from core.onboarding.certificate_step import public_file
from core.onboarding.consent_link import consent_link
from core.onboarding.steps import CLICKS, PORTAL
from core.refresh.services import Services
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.texts import text

LONGEST_ID = 60
CONSENT_START, CONSENT_ANSWER = "/onboarding/consent/start", "/onboarding/consent"  # web/consent_pages.py


def registration_guide(services: Services, onboarding: Onboarding) -> str:
    """Show the clicks and the file; return the client id that was typed."""
    file = public_file(services, onboarding)
    clicks = [text(f"onboarding.click.{click}", file=f"**{plain(file.name)}**", portal=PORTAL) for click in CLICKS]
    st.markdown("\n".join(f"{number}. {words}" for number, words in enumerate(clicks, 1)))
    _download(file, onboarding)
    return _client_id(onboarding)


def _client_id(onboarding: Onboarding) -> str:
    """Show the field for the client id, filled with the one that is known; return what stands in it."""
    return st.text_input(
        text("onboarding.client_id"), onboarding.client_id, max_chars=LONGEST_ID, width=460, autocomplete="off",
        key=bound_key("onboarding_client", onboarding.onboarding_id, onboarding.client_id),
        placeholder="00000000-0000-0000-0000-000000000000",
    )  # fmt: skip


def _download(file: Path, onboarding: Onboarding) -> None:
    """Offer the public part; the key stays where it is."""
    try:
        content = file.read_bytes()
    except OSError:
        st.error(text("onboarding.no_public_part", file=plain(str(file))))
        return
    key = bound_key("onboarding_public", onboarding.onboarding_id)
    st.download_button(text("onboarding.download"), content, file.name, "application/x-x509-ca-cert", key=key,
                       icon=":material/download:", on_click="ignore")  # fmt: skip


def consent_guide(services: Services, onboarding: Onboarding) -> str:
    """Show the link for the consent to the provider's application; else return the client id, to be corrected."""
    if onboarding.app != "shared":
        st.markdown(text("onboarding.consent_own"))
        return _client_id(onboarding)
    query = urlencode({"onboarding": onboarding.onboarding_id})
    st.link_button(text("onboarding.consent_open"), f"{CONSENT_START}?{query}", type="primary")
    st.markdown(text("onboarding.consent_send"))
    here = urlsplit(st.context.url or "")
    back = f"{here.scheme}://{here.netloc}{CONSENT_ANSWER}" if here.netloc else ""
    st.code(consent_link(services.settings, onboarding, back), language=None, wrap_lines=True)
    return ""
