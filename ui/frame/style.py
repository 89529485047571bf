"""The CSS of the pages, for what Streamlit has no option for. Its only values are our own texts."""

from __future__ import annotations

import streamlit as st

from ui.texts import text

_CSS = """<style>
/* The name of the product, and in the demo a chip beside it. */
[data-testid="stSidebarHeader"]::before { content: "Lizenztool"; font-weight: 700; font-size: 1.1rem; }
@media (max-width: 768px) {
  [data-testid="stHeader"]::before {
    content: "Lizenztool"; font-weight: 700; position: absolute; left: 3.5rem; top: 0.9rem;
  }
  .stMainBlockContainer.stMainBlockContainer { padding-top: 4.2rem; }
  [data-testid="stButtonGroup"] [role="radiogroup"] { flex-wrap: wrap; }
}
/* The jump box stands beside the title, on a small screen beside the name of the product. */
.st-key-jump_box { position: absolute; top: 0.75rem; right: clamp(1rem, 3vw, 3rem); width: auto; z-index: 1; }
.st-key-jump_box ~ [data-testid="stElementContainer"] h1 { padding-right: 9rem !important; }
@media (max-width: 768px) {
  .st-key-jump_box { position: fixed; top: 0.6rem; right: 1rem; z-index: 999991; }
  .st-key-jump_box kbd { display: none; }
  .st-key-jump_box ~ [data-testid="stElementContainer"] h1 { padding-right: 0 !important; }
}
/* The whole tile is the link, not only its words. */
[class*="st-key-tile-"] { position: relative; height: 100%; padding: 0.35rem 0.8rem; justify-content: center; }
[class*="st-key-tile-"] a { padding: 0; min-height: 0; }
[class*="st-key-tile-"] a * { white-space: normal; } /* the longest one takes two lines on a phone */
[class*="st-key-tile-"] a::after { content: ""; position: absolute; inset: 0; }
[class*="st-key-tile-"] strong { font-size: 1.6rem; font-weight: 600; margin-right: 0.35rem; }
[class*="st-key-tile-"]:hover, [class*="st-key-tile-"]:focus-within { border-color: currentColor; }
[class*="st-key-tile-"]:has(a:focus-visible) { outline: 2px solid #2E6FE8; outline-offset: 2px; }
[class*="st-key-tile-"] a:focus-visible { outline: none !important; }
/* The line keeps its height, so that nothing moves when a refresh starts or ends. */
.st-key-freshness { min-height: 2.5rem; }
.st-key-freshness [data-testid="stProgress"] p { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.st-key-freshness [data-testid="stProgressBarTrack"] > div { transition: transform 0.5s linear; }
/* The result of a refresh takes only the room between the age and the buttons, so that nothing moves. */
.st-key-freshness [data-testid="stElementContainer"]:has(.passing-line) { flex: 1 1 0; min-width: 0; }
.passing-line { display: flex; gap: 0.75rem; justify-content: flex-end; align-items: center; font-size: 0.875rem; }
.passing-line[hidden] { display: none; }
.passing-line > span { min-width: 0; overflow: hidden; line-height: 1.25;
  display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 2; }
@media (max-width: 768px) {
  .st-key-freshness > :first-child { flex-basis: 100%; min-height: 3.25rem; }
  .passing-line { position: fixed; inset: auto 0.5rem 0.5rem; z-index: 100; justify-content: space-between;
    padding: 0.75rem; border: 1px solid currentColor; border-radius: 7px; background: var(--st-background-color); }
}
.passing-line button { font: inherit; color: inherit; background: none; border: 0; padding: 0; cursor: pointer;
  text-decoration: underline; text-underline-offset: 3px; }
/* The accent colour is too dark for letters on a dark page; weight and frame mark the choice. */
.stMain [data-variant="segmented_control"][data-selected="true"] { color: inherit !important; font-weight: 600; }
/* Where the keyboard is: a blue of 3:1 on every ground of both themes; around a field, and not around its letters. */
:focus-visible { outline: 2px solid #2E6FE8 !important; outline-offset: 2px; }
.stMain:focus-visible { outline-offset: -2px; }
:is([data-testid="stTextInputRootElement"], [data-testid="stNumberInputContainer"],
  [data-testid="stSelectbox"] [role="group"], [data-testid="stMultiSelect"] [role="group"]):has(:focus-visible) {
  outline: 2px solid #2E6FE8;
}
input:focus-visible { outline: none !important; }
/* The accent of the dark theme stands out from the page, but not from the white letters of a button. */
[data-testid^="stBaseButton-primary"] { background-color: light-dark(#1849A9, #1D4FB8) !important; }
/* Small print at 7:1, and the parts of a day, which are fields, as large as what a finger hits. */
[data-testid="stCaptionContainer"], [data-testid="stExpander"] summary p {
  color: light-dark(#435065, #B0B8C4) !important; opacity: 1 !important; }
[data-testid="stExpander"], [data-testid="stExpander"] :is(details, summary, summary *) { opacity: 1 !important; }
[role="spinbutton"] { display: inline-flex; align-items: center; justify-content: center; min-width: 1.5rem;
  min-height: 1.5rem; padding: 0 !important; }
[role="spinbutton"][data-placeholder] { color: light-dark(#435065, #B0B8C4) !important; }
/* A link past what stands above the table, seen only where the keyboard is. */
[data-testid="stElementContainer"]:has(.skip-link, .skip-target) { position: absolute; width: auto; }
.skip-link:not(:focus) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.skip-link { background: light-dark(#FFFFFF, #0E1117); padding: 0.3rem 0.6rem; border-radius: 7px; z-index: 2; }
.stMainBlockContainer { padding: 1.1rem clamp(1rem, 3vw, 3rem) 3rem; }
h1 { font-size: 1.6rem !important; padding: 0.2rem 0 !important; }
.stMain h2, .stMain h3 { font-size: 1.1rem !important; padding: 0.3rem 0 !important; }
.stMainBlockContainer > div > [data-testid="stVerticalBlock"] { gap: 0.6rem; }
/* Warnings, one line each, which lead to what says more; the whole sentence appears when one points at it. */
.st-key-attention :is(a, button) { padding: 0; min-height: 0; border: 0; color: inherit;
  justify-content: start; }
.st-key-attention :is(a, button)::after { content: "→" / ""; margin-left: 0.5rem; }
.st-key-attention :is(a, button) :is(div, span) { min-width: 0; }
.st-key-attention p { font-size: 0.9rem; line-height: 1.7; white-space: nowrap; overflow: hidden;
  text-overflow: ellipsis; }
.st-key-attention :is(a, button):is(:hover, :focus-visible) p { white-space: normal; text-align: left; }
@media (max-width: 768px) {
  .st-key-attention p { white-space: normal; text-align: left; display: -webkit-box; -webkit-box-orient: vertical;
    -webkit-line-clamp: 2; }
}
/* The figures of one licence, and what is known about the row of another table. */
dl.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(10rem, 1fr)); gap: 0.7rem 1.2rem;
  margin: 0; padding: 0; overflow-wrap: anywhere; }
dl.figures .long { grid-column: 1 / -1; }
.st-key-recent_changes button p { text-decoration: underline; text-underline-offset: 4px; }
.st-key-panel_events li { font-size: 0.9rem; }
/* The history of a case: a line for each event, and in people's own words what they said. */
.case-timeline { list-style: none; margin: 0; padding: 0 0 0 0.9rem; border-left: 2px solid color-mix(in srgb,
  currentColor 20%, transparent); }
.case-timeline li { padding: 0.25rem 0; margin: 0; font-size: 0.9rem; overflow-wrap: anywhere; }
.case-timeline time { display: inline-block; min-width: 8.5rem; opacity: 0.75; font-variant-numeric: tabular-nums; }
.case-timeline blockquote { margin: 0.1rem 0 0.2rem 8.5rem; padding: 0; border: 0; white-space: pre-line;
  color: inherit; }
@media (max-width: 768px) {
  .case-timeline time { display: block; } .case-timeline blockquote { margin-left: 0; }
}
.copy-link { font: inherit; font-size: 0.875rem; color: inherit; background: none; border: 0; cursor: pointer;
  padding: 0.25rem 0.5rem; border-radius: 7px; }
.copy-link:hover { background-color: color-mix(in srgb, currentColor 12%, transparent); }
/* A component that shows nothing takes no place. */
[data-testid="stElementContainer"]:has(.give-focus) { position: absolute; }
dl.figures dt { font-size: 0.8rem; opacity: 0.75; padding: 0; }
dl.figures dd, dl.figures dt { margin: 0; }
/* The link to sign out looks like the link to the account beside it. */
.st-key-account { align-items: center; }
.st-key-account a.sign-out { color: inherit; text-decoration: none; border-radius: 7px; padding: 0.25rem 0.5rem;
  font-size: 0.875rem; }
.st-key-account a.sign-out:hover, .st-key-account a.sign-out:focus-visible {
  background-color: color-mix(in srgb, currentColor 12%, transparent);
}
.languages { display: flex; gap: 0.25rem; font-size: 0.875rem; }
.languages :is(a, span) { color: inherit; text-decoration: none; border-radius: 7px; padding: 0.25rem 0.5rem; }
.languages a:hover { background-color: color-mix(in srgb, currentColor 12%, transparent); }
.languages [aria-current] { font-weight: 600; text-decoration: underline; text-underline-offset: 4px; }
</style>"""


# A chip beside the name of the product, in the sidebar or, where that is folded away, above the page.
_DEMO_CSS = """<style>
[data-testid="stSidebarHeader"]::after { content: "Demo"; font-size: 0.8rem; padding: 0 0.5rem; border-radius: 1rem;
  border: 1px solid currentColor; margin: 0 auto 0 0.5rem; }
@media (max-width: 768px) { [data-testid="stHeader"][data-testid]::before { content: "Lizenztool · Demo"; } }
</style>"""


# The grid's own download knows neither the language nor formulas; ours stands beside every table. Its label is ours.
_NO_DOWNLOAD_CSS = """<style>
[data-testid="stElementToolbarButton"]:has([aria-label^="%s"]) { display: none; }
</style>"""


# A dialog stands outside the element that carries Streamlit's choice of light or dark.
_DIALOG_CSS = """<style>[data-testid="stDialog"] { color-scheme: %s; }</style>"""


def style(*, demo: bool) -> None:
    """Apply the CSS; in the demo every page says that it is one."""
    st.html(_CSS)
    st.html(_DIALOG_CSS % ("dark" if st.context.theme.type == "dark" else "light"))
    st.html(_NO_DOWNLOAD_CSS % text("frontend.download_csv"))
    if demo:
        st.html(_DEMO_CSS)
