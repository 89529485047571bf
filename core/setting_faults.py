"""What is wrong with the settings, in the language of whoever reads it; without what may be a password."""

from __future__ import annotations

from collections.abc import Sequence

from core import texts
from core.masking import hide_secrets

LONGEST_SHOWN = 120  # characters of a faulty value


class SettingFault(ValueError):
    """The fault of a value: the `kind` of its sentence, the value `raw`, if it is to be shown, and other values."""

    def __init__(self, kind: str, raw: str = "", **values: object) -> None:
        super().__init__(kind)
        self.kind, self.raw, self.values = kind, raw, values
        self.source = ""  # the variable or file that has the value

    def of(self, source: str) -> SettingFault:
        """Return this fault as that of a variable or file."""
        self.source = source
        return self

    def text(self, language: str) -> str:
        value = _quoted(self.raw, language)
        return f"{self.source}: {texts.text(f'settings.fault.{self.kind}', language, value=value, **self.values)}"


class SettingsError(Exception):
    """The settings are faulty; `faults` has a sentence in English for each fault, `texts` in any language."""

    def __init__(self, found: Sequence[SettingFault]) -> None:
        self.found = list(found)
        self.faults = self.texts("en")
        super().__init__("\n".join(self.faults))

    def texts(self, language: str) -> list[str]:
        return [fault.text(language) for fault in self.found]


def _quoted(raw: str, language: str) -> str:
    """Return the value for a sentence; words in its place if it may hold a password, also of another setting."""
    if "@" in raw or hide_secrets(raw) != raw:
        return texts.text("settings.hidden_value", language)
    return repr(raw if len(raw) <= LONGEST_SHOWN else f"{raw[:LONGEST_SHOWN]}…")
