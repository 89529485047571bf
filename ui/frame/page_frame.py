"""The frame around every page: menu, account and language in the sidebar, and what tells the demo."""

from __future__ import annotations

import streamlit as st

from core import runtime
from core.roles import Actor
from ui import action_messages, row_dialog
from ui.escaping import plain
from ui.frame import language, navigation, visit
from ui.frame.identity import current_user
from ui.frame.jump_box import jump_box
from ui.frame.style import style
from ui.texts import text

SIDEBAR_PIXELS = 230


def open_page() -> st.Page:
    """Show the frame; return the page to run."""
    language.keep()
    # Before the navigation: the sidebar takes its width only when it appears.
    st.set_page_config(layout="wide", initial_sidebar_state=SIDEBAR_PIXELS)
    user = current_user()
    page = st.navigation(navigation.pages(user))
    st.set_page_config(page_title=f"{page.title} · Lizenztool")
    visit.begin(page.url_path)
    action_messages.forget_secret()
    row_dialog.forget_dialog()
    demo = runtime.current().demo
    style(demo=demo)
    jump_box(user)
    with st.sidebar:
        navigation.administration(user)
        _account(user)
        language.switch()
        if demo:
            st.caption(text("demo.banner"))
    return page


def _account(user: Actor) -> None:
    if not user.name:
        return
    st.caption(text("account.signed_in", name=plain(user.shown)))
    with st.container(horizontal=True, key="account"):
        navigation.own_account(user)
        st.html(f'<a class="sign-out" href="/logout">{text("account.sign_out")}</a>', width="content")
