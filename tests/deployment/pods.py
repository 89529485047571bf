"""What a pod must have to be admitted by the restricted profile of the Pod Security Standards, and by this product."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]


def pod_of(manifest: Manifest) -> Manifest | None:
    """Return the specification of the pods that an object starts, None if it starts none."""
    spec: Manifest = manifest.get("spec", {})
    if manifest["kind"] == "CronJob":
        spec = spec["jobTemplate"]["spec"]
    found: Manifest | None = spec.get("template", {}).get("spec")
    return found


def pod_faults(manifest: Manifest) -> Iterator[str]:
    """Yield what is missing in the pods of an object."""
    pod = pod_of(manifest)
    if pod is None:
        return
    name, security = f"{manifest['kind']} {manifest['metadata']['name']}", pod.get("securityContext", {})
    wanted = {
        "runs as root": security.get("runAsNonRoot") is True and security.get("runAsUser", 0) >= 10_000,
        "has no seccomp profile": security.get("seccompProfile") == {"type": "RuntimeDefault"},
        "has the token of a service account": pod.get("automountServiceAccountToken") is False,
        "has a part of the host": not any(pod.get(part) for part in ("hostNetwork", "hostPID", "hostIPC"))
        and not any("hostPath" in volume for volume in pod["volumes"]),
    }
    yield from (f"{name} {fault}" for fault, holds in wanted.items() if not holds)
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        yield from (f"{name} {fault}" for fault in _container_faults(container))


def _container_faults(container: Manifest) -> Iterator[str]:
    security = container.get("securityContext", {})
    wanted = {
        "may become more": security.get("allowPrivilegeEscalation") is False and not security.get("privileged"),
        "can write its root file system": security.get("readOnlyRootFilesystem") is True,
        "keeps capabilities": security.get("capabilities") == {"drop": ["ALL"]},
        "has no limit of memory": "memory" in container.get("resources", {}).get("limits", {}),
        "has a secret in its environment": not any("SECRET" in one["name"] for one in container.get("env", [])),
    }
    yield from (fault for fault, holds in wanted.items() if not holds)
