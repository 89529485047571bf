"""The focus of the keyboard, given to a control when a part of the page appears."""

from __future__ import annotations

from ui.own_components import show_component


def focus_on(selector: str, key: str = "focus", *, if_lost: bool = False) -> None:
    """Give the focus to the control that a CSS selector names, once for each time that this appears on the page.

    The control may come later than this. A reader who presses a key or the mouse meanwhile keeps what was chosen.
    `if_lost`: wait until nothing has the focus, because a dialog or button that had it is gone.
    """
    description = {"selector": selector, "ifLost": if_lost}
    show_component("focus", '<span class="give-focus"></span>', key=key, description=description)
