"""The dialog about a certificate: both generations, the next step as one button, the clicks in the portal."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import streamlit as st

from core import runtime
from core.cache.rotation_rows import Rotation, find_rotation
from core.onboarding.steps import PORTAL, RETRY_EVERY
from core.profiles.certificate_files import CertificateError
from core.profiles.certificate_uses import CertificateUse, find_use
from core.profiles.certificates import public_pem, read_certificate
from core.profiles.profile_files import Kind
from core.refresh.services import Services
from core.roles import Action
from core.rotation.report import public_file, stage_of
from core.rotation.rotating import RotationBusy, Wanted, retries_itself, rotate, rotation_of
from core.rotation.steps import CLICKS, STEPS
from ui import format as fmt
from ui.action_messages import errors_shown
from ui.control_keys import bound_key
from ui.escaping import plain
from ui.frame import url, visit
from ui.frame.identity import current_user
from ui.frame.view import View
from ui.problems import reason, technical_lines
from ui.row_dialog import dialog_subject, open_dialog, show_dialog
from ui.texts import text

SERIOUS = frozenset({"rotation.not_at_this_app", "signin.clock_wrong"})
ICONS = {True: ":green[:material/check_circle:]", False: ":gray[:material/radio_button_unchecked:]"}


@dataclass(frozen=True, slots=True)
class OpenCertificate:
    """The profile whose certificate the dialog shows; `ended` is the id of the rotation that has just ended."""

    kind: Kind
    slug: str
    name: str
    ended: str = ""


def certificate_button(kind: Kind, slug: str, name: str, words: str) -> None:
    """Show `words` about the certificate, to roles that may renew it as the button of the dialog.

    The address of a link opens the dialog at once.
    """
    wanted = st.query_params.pop(url.CERTIFICATE, "")
    if not current_user().may(Action.CERTIFICATES) or runtime.current().services is None:
        st.markdown(words, width="content")
        return
    subject = OpenCertificate(kind, slug, name)
    key = bound_key("certificate_open", kind, slug)
    st.button(f"{words} →", key=key, type="tertiary", on_click=open_dialog, args=(subject,))
    if wanted:
        open_dialog(subject)


def certificate_dialog(view: View) -> None:
    """Show the dialog if it is open."""
    subject = dialog_subject(OpenCertificate)
    if subject is not None:
        title = text("certificate.title", name=subject.name)
        show_dialog(title, "block.certificate", partial(_content, subject, view))


def _content(subject: OpenCertificate, view: View) -> None:
    services = runtime.current().services
    use = find_use(services.profiles, subject.kind, subject.slug) if services else None
    if services is None or use is None:
        st.info(text("certificate.no_profile"), icon=":material/info:")
        return
    rotation = rotation_of(services, use)
    ended = find_rotation(services.engine, subject.ended) if subject.ended else None
    _generations(use, rotation, view)
    if rotation is None:
        _over(ended)
        _buttons(services, subject, use, "prepare", None)
        return
    stage = stage_of(rotation, use)
    _steps(stage, rotation)
    _problem(rotation)
    if rotation.way == "hand" and stage == "prove":
        _guide(services, rotation)
    _buttons(services, subject, use, stage, rotation)
    if stage == "prove" and retries_itself(services, rotation):
        st.fragment(run_every=RETRY_EVERY.total_seconds())(_retry)(subject, rotation.rotation_id)


def _generations(use: CertificateUse, rotation: Rotation | None, view: View) -> None:
    """Show the certificate in use, and the other generation if there is one: end and thumbprint."""
    if use.certificate is None:
        if use.problem is not None:
            st.error(plain(reason(use.problem, use.name)), icon=":material/error:")
    else:
        days = (use.certificate.expires - view.now).days
        left = text("certificate.ended" if days < 0 else "certificate.left", days=abs(days))
        _generation("in_use", use.certificate.expires, use.certificate.thumbprint, view, f" ({plain(left)})")
    if rotation is None or not rotation.next_thumbprint or rotation.next_expires is None:
        return
    if use.certificate is not None and use.certificate.thumbprint == rotation.next_thumbprint:
        _generation("old", rotation.current_expires, rotation.current_thumbprint, view)
    else:
        _generation("next", rotation.next_expires, rotation.next_thumbprint, view)


def _generation(name: str, end: datetime, thumbprint: str, view: View, left: str = "") -> None:
    until = text("certificate.until", day=fmt.day(end.astimezone(view.zone), view.language))
    st.markdown(f"**{text(f'certificate.{name}')}** · {plain(until)}{left}  \n`{thumbprint}`")


def _steps(stage: str, rotation: Rotation) -> None:
    """Show the steps and which are done; words say it, and the icon repeats it."""
    if stage not in STEPS:
        return
    here = STEPS.index(stage)
    with st.container(key="certificate_steps", horizontal=True, gap="small"):
        for number, step in enumerate(STEPS):
            words = text(f"certificate.step.{step}")
            if step == "prepare" and rotation.uploaded_at and rotation.way == "graph":
                words = text("certificate.step.prepared_by_graph")
            st.markdown(f"{ICONS[number < here]} " + (f"**{words}**" if number == here else words), width="content")


def _problem(rotation: Rotation) -> None:
    """Show why the last try went no further; that a key is not known yet is no fault."""
    if rotation.problem is not None:
        show = st.error if rotation.problem.code in SERIOUS else st.info
        show(plain(reason(rotation.problem, rotation.name)))
        technical_lines(rotation.problem)


def _guide(services: Services, rotation: Rotation) -> None:
    """Show the clicks in the portal and offer the public part; the key stays where it is."""
    file = public_file(services, rotation)
    values = {"file": f"**{plain(file.name)}**", "portal": PORTAL, "client_id": f"`{rotation.client_id}`"}
    clicks = [text(f"rotation.click.{click}", **values) for click in CLICKS]
    st.markdown("\n".join(f"{number}. {words}" for number, words in enumerate(clicks, 1)))
    try:
        content = public_pem(read_certificate(file.with_suffix(".pem")))
    except CertificateError:
        st.error(text("onboarding.no_public_part", file=plain(str(file))))
        return
    key = bound_key("certificate_public", rotation.rotation_id)
    st.download_button(text("onboarding.download"), content, file.name, "application/x-x509-ca-cert", key=key,
                       icon=":material/download:", on_click="ignore")  # fmt: skip


def _buttons(
    services: Services, subject: OpenCertificate, use: CertificateUse, stage: str, rotation: Rotation | None
) -> None:  # fmt: skip
    """Show the next step as the one primary button, and the way to end the renewal."""
    with st.container(horizontal=True):
        if stage in STEPS:
            label = "prove_by_hand" if stage == "prove" and rotation and rotation.way == "hand" else stage
            key = bound_key("certificate_next", subject.kind, subject.slug, stage)
            if st.button(text(f"certificate.do.{label}"), key=key, type="primary"):
                _go_on(services, subject, use, None)
        if rotation is not None:
            key = bound_key("certificate_cancel", rotation.rotation_id)
            kind = "secondary" if stage in STEPS else "primary"
            if st.button(text("certificate.cancel"), key=key, type=kind):  # type: ignore[arg-type]
                _go_on(services, subject, use, "cancel")


def _go_on(services: Services, subject: OpenCertificate, use: CertificateUse, step: Wanted | None) -> None:
    before = rotation_of(services, use)
    with st.spinner(text("certificate.working")):
        rotation = rotate(services, use, current_user(), step)
    refresher = runtime.current().refresher
    if rotation.is_open and rotation.switched_at and not (before and before.switched_at) and refresher:
        refresher.request(current_user(), [use.slug] if use.kind == "tenant" else [])
    open_dialog(replace(subject, ended="" if rotation.is_open else rotation.rotation_id))
    visit.take_newest()
    st.rerun()


def _over(ended: Rotation | None) -> None:
    """Show how the rotation ended, with what is left to a person."""
    if ended is None:
        return
    words = text("certificate.done" if ended.state == "done" else "certificate.cancelled")
    st.success(words, icon=":material/check:")
    if ended.problem is not None:
        st.warning(plain(reason(ended.problem, ended.name)), icon=":material/warning:")


def _retry(subject: OpenCertificate, rotation_id: str) -> None:
    """Prove again while Microsoft does not know the new key; the dialog is drawn anew when it does."""
    services = runtime.current().services
    use = find_use(services.profiles, subject.kind, subject.slug) if services else None
    rotation = find_rotation(runtime.current().engine, rotation_id)
    if services is None or use is None or rotation is None:
        return
    if retries_itself(services, rotation):
        with errors_shown(), suppress(RotationBusy):  # another tab does the same
            rotation = rotate(services, use, current_user(), "prove")
    if not retries_itself(services, rotation):
        st.rerun()
    st.caption(text("rotation.wait", seconds=RETRY_EVERY.seconds))
