"""The table of transitions as it stands in docs/faelle.md: `python -m tests.case_table` writes it anew."""

from __future__ import annotations

from pathlib import Path

from core.cases.transitions import OPEN, STATES, TRANSITIONS, Transition

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "faelle.md"
BEGIN, END = "<!-- Aus core/cases/transitions.py: python -m tests.case_table -->\n", "<!-- Ende -->\n"
WHO = {"staff": "Lizenzstelle", "product": "Lizenztool", "customer": "Kunde"}
END_WORDS = {"same": "(bleibt)", "resumed": "(wie vor dem Zurückstellen)"}


def table() -> str:
    """The table and the drawing, from the data."""
    head = ["| Ereignis | von | nach | wer | was dazugehört |", "|---|---|---|---|---|"]
    return "\n".join([*head, *map(_row, TRANSITIONS), "", "```mermaid", *_drawing(), "```", ""])


def _row(row: Transition) -> str:
    start = {STATES: "alle", OPEN: "alle offenen"}.get(row.start) or ", ".join(f"`{state}`" for state in row.start)
    end = END_WORDS.get(row.end, f"`{row.end}`")
    needs = ", ".join(f"`{name}`" for name in row.needs)
    return f"| `{row.kind}` | {start} | {end} | {', '.join(WHO[who] for who in row.who)} | {needs} |"


def _drawing() -> list[str]:
    """What changes the state, as a diagram."""
    arrows = [
        f"    {state} --> {row.end if row.end != 'resumed' else 'open'}: {row.kind}"
        for row in TRANSITIONS
        for state in row.start
        if row.end not in ("same", state)
    ]
    return ["stateDiagram-v2", "    [*] --> open: opened", "    ordered --> partly_delivered: units_seen", *arrows]


def between(document: str) -> str:
    """What stands between the marks of a document."""
    return document.partition(BEGIN)[2].partition(END)[0]


def main() -> None:
    """Write the table into the document."""
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(text.replace(between(text), table()), encoding="utf-8")


if __name__ == "__main__":
    main()
