"""Build the image without a daemon, look into it, and use it: `make image-check`, as root, with mmdebstrap and buildah.

It runs as its own user with nothing but a read-only root file system, no capabilities and two folders in memory; a
browser opens every page of the demo.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from playwright.sync_api import sync_playwright

from core.cache.database import open_database
from tests.browser import settled, watch
from tests.conftest import CHROMIUM
from tests.deployment.tools import ROOT
from tests.pictures import signed_in
from tests.served import PASSWORD, add_local_accounts, free_port
from ui.frame.navigation import PAGES_BY_ADDRESS

STORE = Path(os.environ.get("LIZENZTOOL_IMAGES", f"{tempfile.gettempdir()}/lizenztool-images"))
BUILDAH = ["buildah", "--root", f"{STORE}/root", "--runroot", f"{STORE}/run", "--storage-driver", "vfs"]
MOST_BYTES = 450_000_000
COMPILERS = ("gcc", "cc", "g++", "ld", "as", "make", "strip", "pip", "pip3", "git", "curl", "wget")
SECRETS = re.compile(r"\.(pem|key|p12|pfx|env|db|sqlite3?)$|^id_(rsa|ecdsa|ed25519)|^secret\.key", re.IGNORECASE)
PUBLIC = ("/opt/venv/lib/python3.11/site-packages/certifi/cacert.pem", "/etc/ssl/")
FOREIGN = ("tests", "benchmarks", "docs", ".git", ".ci", "deploy", ".env", "Makefile")
# In order: the mounts, the root of the image, its user without capabilities or a way to more.
START = """
set -e
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
for folder in tmp app/logs; do mount -t tmpfs -o mode=1777 tmpfs "$1/$folder"; done
mount --bind "$2" "$1/app/data"
chown 10001:10001 "$1/app/data" "$1/app/logs"; chmod 700 "$1/app/data" "$1/app/logs"
mount -o remount,bind,ro "$1"
exec chroot "$1" setpriv --reuid=10001 --regid=10001 --clear-groups --bounding-set=-all --no-new-privs \
    sh -c 'cd /app && exec python "$@"' python "${@:3}"
"""


def buildah(*words: str) -> str:
    """Return what buildah prints."""
    return subprocess.run([*BUILDAH, *words], capture_output=True, text=True, check=True).stdout.strip()


@contextmanager
def unpacked() -> Iterator[Path]:
    """The file system of the image in a folder, until the end of the block."""
    container = buildah("from", "--pull-never", "localhost/lizenztool")
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


def content_faults(root: Path) -> Iterator[str]:
    """Yield what the image has and should not have."""
    image = json.loads(buildah("inspect", "--type", "image", "localhost/lizenztool"))
    configured: dict[str, Any] = image["Docker"]["config"]
    if not re.fullmatch(r"[1-9]\d{3,}", configured["User"]):
        yield f"it runs as {configured['User'] or 'root'}"
    size, packages = _bytes(root), _bytes(root / "opt" / "venv")
    print(f"size: {size / 1e6:.0f} MB; of it packages {packages / 1e6:.0f} MB")
    if size > MOST_BYTES:
        yield f"it has more than {MOST_BYTES / 1e6:.0f} MB"
    for folder in ("bin", "sbin", "usr/bin", "usr/sbin", "usr/local/bin", "opt/venv/bin"):
        yield from (f"/{folder}/{name}" for name in COMPILERS if (root / folder / name).exists())
    yield from (f"/app/{name}" for name in FOREIGN if (root / "app" / name).exists())
    for path in root.rglob("*"):
        name = f"/{path.relative_to(root)}"
        if SECRETS.search(path.name) and not path.is_dir() and not path.is_symlink() and not name.startswith(PUBLIC):
            yield name
        if not path.is_symlink() and path.stat().st_mode & 0o6000 and path.is_file():
            yield f"{name} runs as its owner (setuid)"


def _bytes(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


@contextmanager
def running(root: Path, data: Path, log: Path) -> Iterator[str]:
    """The demo of the image, at the address that is yielded."""
    port = free_port()
    environment = {"PATH": "/opt/venv/bin:/usr/local/bin:/usr/bin:/bin", "LIZENZTOOL_PORT": str(port),
                   "LIZENZTOOL_HOST": "127.0.0.1", "LIZENZTOOL_DEMO": "on", "PYTHONDONTWRITEBYTECODE": "1",
                   "PYTHONUNBUFFERED": "1"}  # fmt: skip
    with log.open("w") as output:
        process = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "bash", "-c", START, "start",
             str(root), str(data), "app.py"],
            env=environment | {"PATH": f"{environment['PATH']}:/usr/sbin:/sbin"},
            stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def use_faults(url: str, data: Path, log: Path) -> Iterator[str]:
    """Yield what does not work when a person opens every page."""
    _wait_for(url, log)
    engine = open_database(f"sqlite:///{next(data.rglob('lizenztool.db'))}")
    add_local_accounts(engine)  # the first one has to change its password before it sees anything
    engine.dispose()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = signed_in(browser, url, "anna", PASSWORD)
        complaints = watch(page.context, url)
        for address in PAGES_BY_ADDRESS:
            page.goto(f"{url}/{address}")
            settled(page)
            if page.get_by_test_id("stException").count() or page.get_by_test_id("stAlertContentError").count():
                yield f"/{address}: {page.get_by_test_id('stMain').inner_text()[:500]}"
        browser.close()
    yield from complaints
    yield from (line for line in log.read_text().splitlines() if "[ERROR]" in line or "Traceback" in line)


def _wait_for(url: str, log: Path) -> None:
    end = time.monotonic() + 180
    while time.monotonic() < end:
        try:
            if requests.get(f"{url}/health/ready", timeout=10).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.5)
    raise RuntimeError(f"It does not start:\n{log.read_text()}")


def main() -> int:
    """Build, look, use; return 1 if something is not as it should be."""
    if os.geteuid() or not all(map(shutil.which, ("buildah", "mmdebstrap", "unshare", "setpriv"))):
        print("not checked: this needs root, mmdebstrap, buildah and util-linux")
        return 2
    if "--no-build" not in sys.argv:
        subprocess.run([ROOT / ".ci" / "image", "local"], check=True)
    with unpacked() as root, tempfile.TemporaryDirectory() as folder:
        faults = list(content_faults(root))
        log, data = Path(folder) / "output.txt", Path(folder) / "data"
        data.mkdir()
        with running(root, data, log) as url:
            faults += use_faults(url, data, log)
    print("image: ok" if not faults else "image: FAILED", *faults, sep="\n  ")
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main())
