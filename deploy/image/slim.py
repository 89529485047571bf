"""Delete from the packages what the image does without, and compile what is left and used.

python slim.py delete unneeded.txt FOLDER    the files of the list; exit 1 if a line of it finds nothing
python slim.py compile                       import what the product imports, so that its byte code is in the image
"""

from __future__ import annotations

import compileall
import importlib
import shutil
import sys
from fnmatch import fnmatch
from pathlib import Path

# The service, the command line and what both import only once they run.
IMPORTED = (
    "web.server", "web.asgi_app", "ui.frame.navigation", "core.__main__", "core.cache.upgrade",
    "core.cache.shared_frames", "streamlit.web.server.starlette", "uvicorn.loops.auto", "uvicorn.lifespan.on",
    "sqlalchemy.dialects.postgresql.psycopg", "psycopg",
)  # fmt: skip
OURS = ("app.py", "dashboard.py", "core", "web", "ui", "pages", "simulator")


def unneeded(line: str, folder: Path) -> list[Path]:
    """Return what a line of the list names in `folder`; an empty line or a comment names nothing."""
    pattern, _, reason = line.partition("#")[0].strip().partition(" ")
    if not pattern:
        return []
    kept = reason.partition("except ")[2].split()
    return [path for path in folder.glob(pattern) if not any(fnmatch(path.name, name) for name in kept)]


def delete(listed: Path, folder: Path) -> list[str]:
    """Delete what the list names in `folder`; return the lines that find nothing."""
    lines = [line for line in listed.read_text("utf-8").splitlines() if line.partition("#")[0].strip()]
    found = {line: unneeded(line, folder) for line in lines}
    for path in {path for paths in found.values() for path in paths}:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return [line for line, paths in found.items() if not paths]


def compile_used() -> None:
    """Write the byte code of the product, and of those modules of the packages that it imports."""
    for name in OURS:
        compile_all = compileall.compile_dir if Path(name).is_dir() else compileall.compile_file
        if not compile_all(name, quiet=1):
            sys.exit(f"{name} does not compile.")
    for name in IMPORTED:
        importlib.import_module(name)


if __name__ == "__main__":
    if sys.argv[1] == "compile":
        sys.path.insert(0, str(Path.cwd()))
        compile_used()
    elif stale := delete(Path(sys.argv[2]), Path(sys.argv[3])):
        sys.exit("These lines find nothing to delete:\n" + "\n".join(stale))
