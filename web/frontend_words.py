"""The English words of Streamlit's frontend that our pages show, in the reader's language.

Streamlit has no translations. Its words are in its scripts, so they are replaced where the scripts are sent. Each place
is found by the code around it, because the same word may also be a name in the code. Streamlit is pinned, and
tests/test_frontend_words.py fails when an update changes one of the places.
"""

from __future__ import annotations

from core import texts

# Words as they stand in the scripts, between what surrounds them -> key of our text. `{}` in a key's text stands for
# what is inserted there, the same expression as in the script.
LABEL, CHILDREN, PLAIN = '"aria-label":`%s`', "children:`%s`", "label:`%s`"
PLACES: tuple[tuple[str, str, str], ...] = (
    # Connection to the server
    ("showError(`%s`", "Connection error", "frontend.disconnected"),
    ("message:`%s`", "Connection timed out.", "frontend.timed_out"),
    ("message:`%s`", "Streamlit server is not responding. Are you connected to the internet?", "frontend.reconnecting"),
    (
        "message:`%s`,codeBlock:`streamlit run yourscript.py`",
        "Is Streamlit still running? If you accidentally stopped Streamlit, just restart it in your terminal:",
        "frontend.reconnecting",
    ),
    ("message:`%s${s?", "Connection failed with status ${r}", "frontend.status"),
    ("_O=`%s`", "Connecting", "frontend.connecting"),
    ("vO=`%s`", "Connecting to Streamlit server", "frontend.connecting"),
    ("bO=`%s`", "Error", "frontend.disconnected"),
    ("xO=`%s`", "Unable to connect to Streamlit server", "frontend.reconnecting"),
    # Frame
    (CHILDREN, "Skip to main content", "frontend.skip"),
    (LABEL, "App pages", "frontend.pages"),
    (LABEL, "Sidebar", "frontend.sidebar"),
    (LABEL, "Collapse sidebar", "frontend.collapse_sidebar"),
    (LABEL, "Expand sidebar", "frontend.expand_sidebar"),
    (LABEL, "Running...", "frontend.running"),
    (LABEL, "Main menu", "frontend.menu"),
    (LABEL, "Close", "frontend.close"),
    (LABEL, "Notifications", "frontend.notifications"),
    (LABEL, "Link to heading", "frontend.link_to_heading"),
    # Controls
    (LABEL, "Clear all", "frontend.clear_all"),
    (LABEL, "Clear entry", "frontend.clear"),
    (LABEL, "Clear value", "frontend.clear"),
    (LABEL, "Open", "frontend.open"),
    (LABEL, "Selected values", "frontend.selected"),
    (LABEL, "Remove ${e}", "frontend.remove"),
    (CHILDREN, "No results", "frontend.no_results"),
    ("return`%s`", "No results", "frontend.no_results"),
    ("label:`%s`", "Select all", "frontend.select_all"),
    ("label:`%s`", "Select ${p.length} matches", "frontend.select_matches"),
    (":`%s`", "Choose an option", "frontend.choose"),
    ("?`%s`", "Choose options", "frontend.choose"),
    ("?`%s`", "Hide password", "frontend.hide_password"),
    (":`%s`", "Show password", "frontend.show_password"),
    (LABEL, "Increment", "frontend.increment"),
    (LABEL, "Decrement", "frontend.decrement"),
    ("message:`%s`", "Download failed", "frontend.download_failed"),
    (LABEL, "Choose date", "frontend.choose_date"),
    (LABEL, "Clear date", "frontend.clear_date"),
    (LABEL, "Next month", "frontend.next_month"),
    (LABEL, "Previous month", "frontend.previous_month"),
    ("?`%s`", "Copied", "frontend.copied"),
    (":`%s`", "Copy to clipboard", "frontend.copy"),
    # Charts
    (PLAIN, "Fullscreen", "frontend.fullscreen"),
    (PLAIN, "Close fullscreen", "frontend.close_fullscreen"),
    (PLAIN, "Show data", "frontend.show_data"),
    (PLAIN, "Show chart", "frontend.show_chart"),
    (PLAIN, "Download as PNG", "frontend.download_png"),
)
# Beyond the words: a command line is no help to somebody in front of a browser.
CODE_BLOCK = ",codeBlock:`streamlit run yourscript.py`"


def place(form: str, words: str) -> str:
    """Return the piece of a script in which the words stand."""
    return form % words


def translate(script: str, language: str) -> str:
    """Return a script of the frontend with our words in a language, also in English."""
    for form, words, key in PLACES:
        script = script.replace(place(form, words), place(form, _quoted(key, words, language)).replace(CODE_BLOCK, ""))
    return script


def _quoted(key: str, words: str, language: str) -> str:
    """Return our text as part of a JavaScript template; what the English words insert is inserted here, too."""
    inserted = words[words.index("${") : words.index("}") + 1] if "${" in words else ""
    return texts.text(key, language, value="\0").replace("\\", "\\\\").replace("`", "\\`").replace("\0", inserted)
