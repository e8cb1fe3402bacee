"""The files of deploy/kubernetes against the schemas of all that they hold. rig/kubernetes.py says which these are."""

import re
from typing import Any

import pytest

from conftest import World
from rig.kubernetes import SCHEMAS, Manifest, at, complaints, files, manifests, one, title

# A file, a kind in it, where a value goes (None: it is taken away), and what is said of that.
MISTAKES: dict[str, tuple[str, str, str, Any, str]] = {
    "no selector": ("gateway.yaml", "Deployment", "spec.selector", None, "'selector' is a required property"),
    "a port as text": (
        "gateway.yaml",
        "Deployment",
        "spec.template.spec.containers.0.ports.0.containerPort",
        "4180",
        "'4180' is not of type 'integer'",
    ),
    "a probe with a typing error": (
        "gateway.yaml",
        "Deployment",
        "spec.template.spec.containers.0.readynessProbe",
        {},
        "'readynessProbe' was unexpected",
    ),
    "a restart policy at another level": ("sidecar.yaml", "Deployment", "spec.restartPolicy", "Always", "unexpected"),
    "a port rule for Egress of another shape": (
        "gateway.yaml",
        "NetworkPolicy",
        "spec.egress.0.to.0.podSelector",
        "kube-dns",
        "not of type 'object'",
    ),
    "a header list with a typing error": (
        "gateway-api.yaml",
        "HTTPRoute",
        "spec.rules.2.filters.0.externalAuth.http.allowHeaders",
        ["Cookie"],
        "'\"allowHeaders\"' does not exist in type 'IHTTPAuthConfig'",
    ),
    "a port that is none": (
        "gateway-api.yaml",
        "HTTPRoute",
        "spec.rules.2.filters.0.externalAuth.backendRef.port",
        70000,
        "port must be <= 65535",
    ),
    "an address with a typing error": (
        "traefik.yaml",
        "Middleware",
        "spec.forwardAuth",
        {"adress": "http://sidegate"},
        "'\"adress\"' does not exist in type 'IForwardAuth'",
    ),
    "a number as text": (
        "traefik.yaml",
        "Middleware",
        "spec.forwardAuth",
        {"maxResponseBodySize": "8192"},
        "Type 'string' is not assignable to type 'number'",
    ),
    "an action that is none": (
        "istio.yaml",
        "AuthorizationPolicy",
        "spec.action",
        "CUSTOMS",
        "Type '\"CUSTOMS\"' is not assignable",
    ),
    "a provider with a typing error": (
        "istio-mesh.yaml",
        "IstioOperator",
        "spec.meshConfig.extensionProviders.0.envoyExtAuthzHttp.failopen",
        False,
        "'\"failopen\"' does not exist in type 'HttpProvider'",
    ),
    "a duration without a unit": (
        "envoy-gateway.yaml",
        "SecurityPolicy",
        "spec.extAuth.timeout",
        "1",
        "Type '\"1\"' is not assignable",
    ),
    "two paths where one excludes the other": (
        "envoy-gateway.yaml",
        "SecurityPolicy",
        "spec.extAuth.http.pathOverride",
        "/auth/envoy",
        "is not assignable",
    ),
    "a policy with a typing error": (
        "nginx-ingress.yaml",
        "Policy",
        "spec.externalAuth.authUri",
        "/auth/nginx",
        "'\"authUri\"' does not exist in type",
    ),
}



Verdicts = dict[str, list[str]]
"""What is said of each file, and of each mistake."""


@pytest.fixture(scope="module")
def verdicts(world: World) -> Verdicts:
    """All at once, for the compiler takes seconds to start."""
    asked = [(file, manifest) for file in files() for manifest in manifests(file)]
    asked += [(mistake, with_mistake(mistake)) for mistake in MISTAKES]
    home = world.home / "kubernetes-schemas"
    home.mkdir()
    found: Verdicts = {name: [] for name, _ in asked}
    for (name, manifest), texts in zip(asked, complaints([manifest for _, manifest in asked], home), strict=True):
        found[name] += (f"{title(manifest)}: {text}" for text in texts)
    return found


def with_mistake(name: str) -> Manifest:
    file, kind, path, value, _ = MISTAKES[name]
    manifest = next(manifest for manifest in manifests(file) if manifest["kind"] == kind)
    above, _, last = path.rpartition(".")
    if value is None:
        del at(manifest, above)[last]
    else:
        at(manifest, above)[last] = value
    return manifest


@pytest.mark.parametrize("file", files())
def test_the_schemas_have_nothing_against_the_file(file: str, verdicts: Verdicts) -> None:
    if file != "gateway-api.yaml":
        assert verdicts[file] == []
        return
    # The package's validator knows the standard channel alone; its documentation has the experimental one.
    place = "data/spec/rules/2/filters/0/type"
    assert verdicts[file] == [f"HTTPRoute app: {place} must be equal to one of the allowed values"]
    assert at(one(file, "HTTPRoute"), "spec.rules.2.filters.0.type") in experimental_filters()


def experimental_filters() -> list[str]:
    package = SCHEMAS / "node_modules/@kubernetes-models/gateway-api/gateway.networking.k8s.io/v1"
    text = (package / "HTTPRouteFilter.d.ts").read_text()
    values = re.search(r"<gateway:experimental:validation:Enum=([\w;]+)>", text)
    assert values
    return values[1].split(";")


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_schemas_find_a_mistake(mistake: str, verdicts: Verdicts) -> None:
    said = MISTAKES[mistake][-1]
    assert any(said in text for text in verdicts[mistake]), verdicts[mistake]
