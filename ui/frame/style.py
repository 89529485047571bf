"""The CSS of the pages, for what Streamlit has no option for. It contains no value from outside."""

from __future__ import annotations

import streamlit as st

_CSS = """<style>
/* The whole tile is the link, not only its words. */
[class*="st-key-tile-"] { position: relative; height: 100%; }
[class*="st-key-tile-"] a::after { content: ""; position: absolute; inset: 0; }
[class*="st-key-tile-"]:hover, [class*="st-key-tile-"]:focus-within { border-color: currentColor; }
/* The line keeps its height, so that nothing moves when a refresh starts or ends. */
.st-key-freshness { min-height: 2.5rem; }
/* The grid's own download knows neither the language nor formulas; ours stands beside every table. */
[data-testid="stElementToolbarButton"]:has([aria-label^="Download as CSV"]) { display: none; }
/* The accent colour is too dark for letters on a dark page; weight and frame mark the choice. */
.stMain [data-variant="segmented_control"][data-selected="true"] { color: inherit !important; font-weight: 600; }
.stMainBlockContainer { padding: 3.5rem clamp(1rem, 3vw, 3rem) 3rem; }
h1 { font-size: 2rem !important; padding: 0.5rem 0 !important; }
h2, h3 { font-size: 1.3rem !important; }
[class*="st-key-tile-"] a { padding: 0; min-height: 0; }
/* The link to sign out looks like the link to the account beside it. */
.st-key-account { align-items: center; }
.st-key-account a.sign-out { color: inherit; text-decoration: none; border-radius: 7px; padding: 0.25rem 0.5rem;
  font-size: 0.875rem; }
.st-key-account a.sign-out:hover, .st-key-account a.sign-out:focus-visible {
  background-color: color-mix(in srgb, currentColor 12%, transparent);
}
.languages { display: flex; gap: 0.25rem; font-size: 0.875rem; }
.languages a { color: inherit; text-decoration: none; border-radius: 7px; padding: 0.25rem 0.5rem; }
.languages a:hover { background-color: color-mix(in srgb, currentColor 12%, transparent); }
.languages a[aria-current="true"] { font-weight: 600; text-decoration: underline; text-underline-offset: 4px; }
</style>"""


def style() -> None:
    st.html(_CSS)
