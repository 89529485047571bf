"""The English words of Streamlit's frontend that our pages show, in the reader's language.

Streamlit has no translations. Its words are in its scripts, so they are replaced where the scripts are sent. Each place
is found by the code around it, because the same word may also be a name in the code. Streamlit is pinned, and
tests/test_frontend_words.py fails when an update changes one of the places.
"""

from __future__ import annotations

import re

from core import texts

# Words as they stand in the scripts, between what surrounds them -> key of our text. {value} and {other} in a text are
# what the words insert first and second: the same expressions as in the script.
LABEL, CHILDREN, PLAIN = '"aria-label":`%s`', "children:`%s`", "label:`%s`"
ITEM, IF, ELSE = ",`%s`]", "?`%s`", ":`%s`"
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
    (IF, "${n} icon", "frontend.icon"),
    ("ariaLabel:n+`%s`", " icon", "frontend.icon"),
    (LABEL, "Main menu", "frontend.menu"),
    (LABEL, "Close", "frontend.close"),
    ("{dismiss:`%s`}", "Dismiss", "frontend.close"),
    ("{dismiss:`%s`}", "Schließen", "frontend.close"),
    (LABEL, "Notifications", "frontend.notifications"),
    (LABEL, "Link to heading", "frontend.link_to_heading"),
    (IF, "View less", "frontend.show_less"),
    (ELSE, "View ${x-m} more", "frontend.show_more"),
    (IF, "Stopping...", "frontend.stopping"),
    (":`%s`,disabled", "Stop", "frontend.stop"),
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
    (ELSE, "Choose an option", "frontend.choose"),
    (IF, "Choose options", "frontend.choose"),
    (IF, "Hide password", "frontend.hide_password"),
    (ELSE, "Show password", "frontend.show_password"),
    ("f(`%s`)", "Press Enter to ${e}", "frontend.enter"),
    (
        IF,
        "Number is outside the allowed range. Please enter a value between ${n} and ${r}.",
        "frontend.between",
    ),
    (
        IF,
        "Number is below the allowed range. Please enter a value greater than or equal to ${n}.",
        "frontend.below",
    ),
    (
        IF,
        "Number is above the allowed range. Please enter a value less than or equal to ${r}.",
        "frontend.above",
    ),
    (ELSE, "Number is below the allowed range.", "frontend.too_small"),
    (ELSE, "Number is above the allowed range.", "frontend.too_large"),
    (IF, "Help", "frontend.help"),
    ("u(`%s`)", "Help", "frontend.help"),
    ("ariaLabel:c=`%s`", "Help", "frontend.help"),
    (ELSE, "Help for ${t.replaceAll(/\\s+/g,` `)}", "frontend.help_for"),
    (LABEL, "Increment", "frontend.increment"),
    (LABEL, "Decrement", "frontend.decrement"),
    ("message:`%s`", "Download failed", "frontend.download_failed"),
    (LABEL, "Choose date", "frontend.choose_date"),
    (IF, "Choose date", "frontend.choose_date"),
    (CHILDREN, "Use arrow keys to navigate dates. Enter to select. Escape to close.", "frontend.date_keys"),
    (LABEL, "Choose date range", "frontend.choose_days"),
    (IF, "Choose date range", "frontend.choose_days"),
    (CHILDREN, "Date range", "frontend.days"),
    (LABEL, "Quick select a date range", "frontend.choose_days"),
    ("??`%s`", "Select...", "frontend.choose"),
    (LABEL, "${ce} start date", "frontend.first_day"),
    (LABEL, "${ce} end date", "frontend.last_day"),
    (LABEL, "Clear date", "frontend.clear_date"),
    (LABEL, "Clear dates", "frontend.clear_date"),
    (LABEL, "Next month", "frontend.next_month"),
    (LABEL, "Next page", "frontend.next_page"),
    (LABEL, "Previous page", "frontend.previous_page"),
    (LABEL, "Pagination", "frontend.pages_of_table"),
    (LABEL, "Page ${e.page}", "frontend.page_of_table"),
    (LABEL, "Previous month", "frontend.previous_month"),
    (IF, "Copied", "frontend.copied"),
    (ELSE, "Copy to clipboard", "frontend.copy"),
    # Tables: toolbar, search, menu of a column
    (PLAIN, "Search", "frontend.search"),
    (PLAIN, "Show/hide columns", "frontend.columns"),
    (PLAIN, "Clear selection", "frontend.clear_selection"),
    (PLAIN, "Download as CSV", "frontend.download_csv"),
    ("},`%s`)", "Type to search", "frontend.search_hint"),
    (LABEL, "Close Search", "frontend.close_search"),
    (LABEL, "Next Result", "frontend.next_match"),
    (LABEL, "Previous Result", "frontend.previous_match"),
    (IF, "over 1000", "frontend.many_matches"),
    (ELSE, "${v.results} result${v.results===1?``:`s`}", "frontend.matches"),
    ("(e=`%s`)", "${v.selectedIndex+1} of ${e}", "frontend.match_of"),
    ("O_=`%s`", "None", "frontend.no_value"),
    (LABEL, "Dataframe column menu", "frontend.column_menu"),
    (LABEL, "Copy column name", "frontend.copy_column_name"),
    ("title:`%s`", "Copy column name", "frontend.copy_column_name"),
    (ITEM, "Sort ascending", "frontend.sort_ascending"),
    (ITEM, "Sort descending", "frontend.sort_descending"),
    (ITEM, "Format", "frontend.format"),
    (ITEM, "Autosize", "frontend.auto_width"),
    (ITEM, "Pin column", "frontend.pin_column"),
    (ITEM, "Unpin column", "frontend.unpin_column"),
    (ITEM, "Hide column", "frontend.hide_column"),
    (ITEM, "Statistics", "frontend.statistics"),
    (PLAIN, "Automatic", "frontend.format_automatic"),
    (PLAIN, "Localized", "frontend.format_localized"),
    (PLAIN, "Plain", "frontend.format_plain"),
    (PLAIN, "Compact", "frontend.format_compact"),
    (PLAIN, "Percent", "frontend.format_percent"),
    (PLAIN, "Scientific", "frontend.format_scientific"),
    (PLAIN, "Accounting", "frontend.format_accounting"),
    (PLAIN, "Distance", "frontend.format_distance"),
    (PLAIN, "Calendar", "frontend.format_calendar"),
    (PLAIN, "Duration", "frontend.format_duration"),
    (PLAIN, "Values", "frontend.statistics_values"),
    (PLAIN, "Empty", "frontend.statistics_empty"),
    (PLAIN, "Distinct", "frontend.statistics_distinct"),
    (PLAIN, "Average", "frontend.statistics_average"),
    (PLAIN, "Sum", "frontend.statistics_sum"),
    (PLAIN, "Standard deviation", "frontend.statistics_deviation"),
    (PLAIN, "Range", "frontend.statistics_range"),
    (PLAIN, "Minimum length", "frontend.statistics_shortest"),
    (PLAIN, "Maximum length", "frontend.statistics_longest"),
    (PLAIN, "Average length", "frontend.statistics_average_length"),
    (CHILDREN, "No data", "frontend.no_data"),
    (CHILDREN, "Based on sample", "frontend.sample"),
    ("title:`%s`", "Count", "frontend.statistics_count"),
    ("title:`%s`", "Range", "frontend.statistics_range"),
    (ELSE, "Distribution histogram", "frontend.chart_bars"),
    (ELSE, "Top values frequency chart", "frontend.chart_bars"),
    (ELSE, "True/false distribution chart", "frontend.chart_bars"),
    # Charts
    (PLAIN, "Fullscreen", "frontend.fullscreen"),
    (PLAIN, "Close fullscreen", "frontend.close_fullscreen"),
    (PLAIN, "Show data", "frontend.show_data"),
    (PLAIN, "Show chart", "frontend.show_chart"),
    (PLAIN, "Download as PNG", "frontend.download_png"),
    (ELSE, "Copy Vega-Lite spec", "frontend.copy_chart"),
    (IF, "Copied!", "frontend.copied"),
)
# Removed, because a command line does not help the user of a browser.
CODE_BLOCK = ",codeBlock:`streamlit run yourscript.py`"
# The name of an icon is English.
NAMED_ICON, ICON = "ariaLabel:n+`", "ariaLabel:`"
# Fields for dates and choices take their words and formats from this locale.
FIXED_LOCALE, PAGE_LOCALE = "{locale:`en-US`,children:", "{locale:navigator.language,children:"
INSERTED = re.compile(r"\$\{[^}]*\}")


def place(form: str, words: str) -> str:
    """Return the piece of a script in which the words stand."""
    return form % words


def translate(script: str, language: str) -> str:
    """Return a script of the frontend with our words in a language, also in English."""
    for form, words, key in PLACES:
        script = script.replace(place(form, words), place(form, _quoted(key, words, language)).replace(CODE_BLOCK, ""))
    return script.replace(FIXED_LOCALE, PAGE_LOCALE).replace(NAMED_ICON, ICON)


def _quoted(key: str, words: str, language: str) -> str:
    """Return our text as part of a JavaScript template; what the English words insert is inserted here, too."""
    inserted = [*INSERTED.findall(words), "", ""]
    shown = texts.text(key, language, value="\0", other="\1").replace("\\", "\\\\").replace("`", "\\`")
    return shown.replace("\0", inserted[0]).replace("\1", inserted[1])
