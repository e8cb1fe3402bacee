"""The manifests of deploy/kubernetes, and the schemas they are held against. Knows no cluster.

Kubernetes' own kinds: its OpenAPI schemas of the oldest and the newest version, with unknown fields as errors. Custom
resources: the types that npm packages make of the projects' own sources, by the TypeScript compiler, to which a field
too many is an error, and then the packages' validators, which know patterns and ranges. See tests/e2e/schemas.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from .places import DEPLOY, NGINX_FILES, ROOT, node
from .process import environment, run
from .proxy import edited

Manifest = dict[str, Any]

MANIFESTS = DEPLOY / "kubernetes"
SCHEMAS = ROOT / "tests/e2e/schemas"

VERSIONS = ("1.30", "1.37")
"""The oldest Kubernetes that the manifests are for, as their headers say, and the newest with a schema."""

PACKAGES = {
    "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
    "networking.istio.io": "@kubernetes-models/istio",
    "security.istio.io": "@kubernetes-models/istio",
    "traefik.io": "@kubernetes-models/traefik",
}
"""Who has the types and validators of an API group."""

OWN_TYPES = {
    "gateway.envoyproxy.io": "envoy-gateway",
    "install.istio.io": "istio-mesh",
    "k8s.nginx.org": "nginx-ingress",
}
"""API groups that are in no package: files in tests/e2e/schemas."""

SOCKET = "unix:/run/sidegate/sidegate.sock"


def files() -> list[str]:
    return sorted(path.name for path in MANIFESTS.glob("*.yaml"))


def manifests(file: str) -> list[Manifest]:
    return list(yaml.safe_load_all((MANIFESTS / file).read_text()))


def one(file: str, kind: str, name: str | None = None) -> Manifest:
    """The manifest of that kind, of which there is one."""
    found = [manifest for manifest in manifests(file) if manifest["kind"] == kind]
    if name:
        found = [manifest for manifest in found if manifest["metadata"]["name"] == name]
    assert len(found) == 1, f"{file}: {len(found)} × {kind} {name or ''}"
    return found[0]


def at(manifest: Any, path: str) -> Any:
    """What stands there: keys and indices with dots between them."""
    for step in path.split("."):
        manifest = manifest[int(step) if isinstance(manifest, list) else step]
    return manifest


def title(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest.get('metadata', {}).get('name', '')}".strip()


def group(manifest: Manifest) -> str:
    return str(manifest["apiVersion"]).rpartition("/")[0]


def is_custom(manifest: Manifest) -> bool:
    return group(manifest) in PACKAGES or group(manifest) in OWN_TYPES


def complaints(resources: Sequence[Manifest], home: Path) -> list[list[str]]:
    """What the schemas have against each of them. A kind without a schema is an error."""
    found: list[list[str]] = [[] for _ in resources]
    custom = [i for i, manifest in enumerate(resources) if is_custom(manifest)]
    for i, manifest in enumerate(resources):
        if i not in custom:
            found[i] += against_kubernetes(manifest)
    for i, texts in zip(custom, against_types([resources[i] for i in custom], home), strict=True):
        found[i] += texts
    packaged = [i for i in custom if group(resources[i]) in PACKAGES]
    for i, text in zip(packaged, against_validators([resources[i] for i in packaged]), strict=True):
        found[i] += [text] if text else []
    return found


def against_kubernetes(manifest: Manifest) -> Iterator[str]:
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            path = "/".join(map(str, error.path))
            yield f"Kubernetes {version}: {path}: {error.message}"


def against_types(resources: Sequence[Manifest], home: Path) -> list[list[str]]:
    """The compiler's errors about each."""
    (home / "node_modules").symlink_to(SCHEMAS / "node_modules")
    imports = [f'import type {{ I{m["kind"]} as T{i} }} from "{module(m)}";' for i, m in enumerate(resources)]
    values = [f"export const m{i}: T{i} = {json.dumps(m)};" for i, m in enumerate(resources)]
    (home / "manifests.mts").write_text("\n".join([*imports, *values, ""]))
    compiler = SCHEMAS / "node_modules/typescript/bin/tsc"
    done = subprocess.run(
        [node(), compiler, "--strict", "--noEmit", "--module", "nodenext", "manifests.mts"],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # One line each, so that the line tells which it is.
    errors = re.findall(r"^manifests\.mts\((\d+),\d+\): error \w+: (.*)$", done.stdout, re.MULTILINE)
    others = [line for line in done.stdout.splitlines() if "error" in line and not line.startswith("manifests.mts(")]
    assert not others and not done.stderr and bool(done.returncode) == bool(errors), done.stdout + done.stderr
    return [[text for line, text in errors if int(line) == len(imports) + i + 1] for i in range(len(resources))]


def against_validators(resources: Sequence[Manifest]) -> list[str | None]:
    asked = [{"module": module(m), "kind": m["kind"], "manifest": m} for m in resources]
    answers: list[str | None] = json.loads(run([node(), SCHEMAS / "validate.mjs"], SCHEMAS, text=json.dumps(asked)))
    return answers


def module(manifest: Manifest) -> str:
    if package := PACKAGES.get(group(manifest)):
        return f"{package}/{manifest['apiVersion']}/{manifest['kind']}"
    return str(SCHEMAS / f"{OWN_TYPES[group(manifest)]}.js")


def shipped_nginx_files() -> dict[str, str]:
    """What sidecar-nginx.yaml must hold: the files of nginx/ as they are, but for the address of sidegate."""
    paths = sorted(path for path in NGINX_FILES.glob("*.conf") if path.name != "example.conf")
    shipped = {path.name: path.read_text() for path in paths}
    shipped["sidegate.conf"] = edited(shipped["sidegate.conf"], [("server 127.0.0.1:4180;", f"server {SOCKET};")])
    return shipped


def write_sidecar_nginx() -> None:
    """Makes sidecar-nginx.yaml anew from nginx/, below the comment it begins with."""
    path = MANIFESTS / "sidecar-nginx.yaml"
    head = path.read_text().partition("\ndata:\n")[0]
    entries = []
    for name, text in shipped_nginx_files().items():
        lines = (f"    {line}".rstrip() for line in text.splitlines())
        entries.append("\n".join([f"  {name}: |", *lines, ""]))
    path.write_text(f"{head}\ndata:\n{''.join(entries)}")
