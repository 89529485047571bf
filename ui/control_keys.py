"""The keys of buttons: a click is about what was shown then, never about what has moved into its place meanwhile.

Rows move between the moment a page is drawn and the moment a click on it arrives: somebody signs in, a refresh
reorders. Streamlit runs the newest callback that it knows for the key of a control. So the keys of buttons contain
the identity of what was shown, and a table tells the id of a row (see html_table): a late click means that, or is lost.
"""

from __future__ import annotations

import hashlib

DIGEST_BYTES = 8


def bound_key(name: str, *identity: object) -> str:
    """Return the key of a control that acts on `identity`; another identity gives another control."""
    words = "\n".join(str(part).replace("\n", " ") for part in identity)
    return f"{name}_{hashlib.blake2b(words.encode('utf-8', 'replace'), digest_size=DIGEST_BYTES).hexdigest()}"
