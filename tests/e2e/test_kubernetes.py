"""The files of deploy/kubernetes: what they refer to is there, and there is no way past the gate in them."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rig.kubernetes import (
    MANIFESTS,
    Manifest,
    at,
    files,
    manifests,
    one,
    shipped_nginx_files,
    title,
    write_sidecar_nginx,
)
from rig.kubernetes_references import defined, namespace, references, walk
from rig.places import DEPLOY, NGINX_FILES, SIDEGATE
from rig.process import run
from rig.sidegate import Sidegate

README = (MANIFESTS / "README.md").read_text()

IDENTITY = set(re.findall(r"^proxy_set_header (X-Auth-\S+)", (NGINX_FILES / "protect.conf").read_text(), re.MULTILINE))
"""Every header that nginx's own file takes from the client."""
TOLD = IDENTITY - {"X-Auth-Login", "X-Auth-Reason"}
"""Those that an allowed request has. The other two come with denials."""

YOURS = {
    "Secret {}/better-auth",
    "Secret {}/better-auth#secret",
    "Secret {}/better-auth#database-url",
    "Secret {}/app-tls",
    "Service {}/app:80",
    "Service {}/better-auth:3000",
    "Gateway {}/gateway",
}
"""What the files expect to be there; README.md says so. In whichever namespace."""


def test_the_files_of_the_sidecar_are_the_shipped_files_of_nginx() -> None:
    if os.environ.get("UPDATE"):
        write_sidecar_nginx()
    assert one("sidecar-nginx.yaml", "ConfigMap")["data"] == shipped_nginx_files()


@pytest.mark.parametrize("file", files())
def test_what_is_referred_to_is_there_or_yours(file: str) -> None:
    resources = manifests(file)
    there = defined(resources) | defined(manifests("gateway.yaml")) | defined(manifests("sidecar-nginx.yaml"))
    missing = references(resources) - there
    assert {re.sub(r" [\w-]+/", " {}/", name) for name in missing} <= YOURS


def test_the_references_are_found_at_all() -> None:
    """So that the test above can fail: each caller refers to the gateway's port, and the workloads to their own."""
    for file in set(files()) - {"gateway.yaml", "sidecar.yaml", "sidecar-nginx.yaml", "istio.yaml"}:
        assert "Service sidegate/sidegate:4180" in references(manifests(file)), file
    assert references(manifests("sidecar.yaml")) == {
        "ConfigMap app/app-nginx",
        "ConfigMap app/sidegate-nginx",
        "Secret app/better-auth#database-url",
        "Secret app/better-auth#secret",
    }
    assert len(references(manifests("gateway.yaml"))) == 6


@pytest.mark.parametrize("file", files())
def test_what_crosses_a_namespace_is_granted(file: str) -> None:
    """By a ReferenceGrant, without which the Gateway API ignores such a reference."""
    granted = {
        (source["kind"], source["namespace"], target["name"])
        for grant in manifests(file)
        if grant["kind"] == "ReferenceGrant"
        for source in grant["spec"]["from"]
        for target in grant["spec"]["to"]
    }
    crossing = {
        (manifest["kind"], namespace(manifest), value["name"])
        for manifest in manifests(file)
        for path, value in walk(manifest)
        if path[-1:] == ("backendRef",) or path[-2:-1] == ("backendRefs",)
        if value.get("namespace", namespace(manifest)) != namespace(manifest)
    }
    assert crossing == granted


WORKLOADS = ("gateway.yaml", "sidecar.yaml")


@pytest.mark.parametrize("file", WORKLOADS)
def test_selectors_and_named_ports_meet_their_pods(file: str) -> None:
    resources = manifests(file)
    pods = one(file, "Deployment")["spec"]["template"]
    labels, ports = pods["metadata"]["labels"].items(), {port["name"] for port in ports_of(pods)}
    selectors = [
        value for manifest in resources for path, value in walk(manifest) if is_selector_of_pods(manifest, path)
    ]
    assert len(selectors) >= 3
    for selector in selectors:
        assert selector.get("matchLabels", selector).items() <= labels
    ingress = [
        value
        for manifest in resources
        for path, value in walk(manifest)
        if path[-1:] == ("targetPort",) or (path[:2] == ("spec", "ingress") and path[-1] == "port")
    ]
    assert len(ingress) == 3
    assert set(ingress) <= ports
    for _, probe in probes(pods["spec"]):
        handler = probe.get("httpGet") or probe.get("tcpSocket")
        assert not handler or handler["port"] in ports


def ports_of(pods: Manifest) -> Iterator[Manifest]:
    for container in containers(pods["spec"]):
        yield from container.get("ports", ())


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod.get("initContainers", ()), *pod["containers"]]


def probes(pod: Manifest) -> Iterator[tuple[str, Manifest]]:
    for container in containers(pod):
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            if kind in container:
                yield f"{container['name']} {kind}", container[kind]


def is_selector_of_pods(manifest: Manifest, path: tuple[str | int, ...]) -> bool:
    own = {"Deployment": "selector", "Service": "selector", "PodDisruptionBudget": "selector"}
    own["NetworkPolicy"] = "podSelector"
    return path == ("spec", own.get(manifest["kind"])) or path[-1:] == ("labelSelector",)


@pytest.mark.parametrize("file", WORKLOADS)
def test_pods_meet_the_restricted_security_standard(file: str) -> None:
    """As the Pod Security Standards list it, and beyond: a read-only root file system and no token."""
    pod = one(file, "Deployment")["spec"]["template"]["spec"]
    assert not {"hostNetwork", "hostPID", "hostIPC", "hostUsers"} & pod.keys()
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert all(volume.keys() - {"name"} <= {"configMap", "secret", "emptyDir"} for volume in pod["volumes"])
    for container in containers(pod):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["readOnlyRootFilesystem"] is True
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context.get("runAsUser", pod["securityContext"].get("runAsUser")) > 0
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("file", WORKLOADS)
def test_a_store_that_is_away_keeps_a_pod_from_starting_and_takes_none_out(file: str, home: Path) -> None:
    asked = {
        name.partition(" ")[2]: probe["httpGet"]["path"]
        for name, probe in probes(one(file, "Deployment")["spec"]["template"]["spec"])
        if name.startswith("sidegate ")
    }
    assert {"startupProbe", "livenessProbe"} <= asked.keys()
    with Sidegate(home, "sqlite:/nowhere/to/be/found.db") as gate:
        for kind, path in asked.items():
            assert gate.admin(path).status_code == (503 if kind == "startupProbe" else 200), kind


@pytest.mark.parametrize("file", WORKLOADS)
def test_a_pod_is_given_the_time_that_a_drain_takes(file: str, home: Path) -> None:
    pod = one(file, "Deployment")["spec"]["template"]["spec"]
    drain = re.search(r"\n +--drain-timeout <DURATION>\n.*\[default: (\d+)s\]", serve_help(home))
    assert drain
    waits = [at(container, "lifecycle.preStop.sleep.seconds") for container in pod["containers"]]
    assert pod["terminationGracePeriodSeconds"] > max(waits) + int(drain[1])


def serve_help(home: Path) -> str:
    return run([SIDEGATE, "serve", "--help"], home)


def test_the_variables_of_the_sidecar_are_settings(home: Path) -> None:
    pod = one("sidecar.yaml", "Deployment")["spec"]["template"]["spec"]
    names = [variable["name"] for variable in pod["initContainers"][0]["env"]]
    settings = [name for name in names if name.startswith("SIDEGATE_")]
    assert len(settings) >= 5
    for name in settings:
        assert f"[env: {name}]" in serve_help(home)
    # The two that are not sidegate's own, as its help names them.
    assert set(names) - set(settings) == {"BETTER_AUTH_SECRET", "DATABASE_URL"}


def test_each_caller_takes_the_clients_identity_away_and_hands_on_ours() -> None:
    traefik = one("traefik.yaml", "Middleware", "no-identity")["spec"]["headers"]["customRequestHeaders"]
    assert traefik == dict.fromkeys([*IDENTITY, "Forwarded", "Upgrade"], "")
    assert one("ingress-nginx.yaml", "ConfigMap")["data"] == dict.fromkeys(IDENTITY, "")
    for name in ("app-api", "app-pages"):
        told = annotations(one("ingress-nginx.yaml", "Ingress", name))["auth-response-headers"]
        assert set(told.split(", ")) == IDENTITY

    routes = at(one("nginx-ingress.yaml", "VirtualServer"), "spec.routes")
    for route in routes[:2]:
        cleared = at(route, "action.proxy.requestHeaders.set")
        assert {header["name"]: header["value"] for header in cleared} == dict.fromkeys(IDENTITY, "")
    assert set(routes[2]["location-snippets"].splitlines()) == {
        line
        for line in (NGINX_FILES / "protect.conf").read_text().splitlines()
        if re.match(r"proxy_set_header X-Auth-|auth_request_set \$sidegate_(?!answer|login|reason|redirects)", line)
    }

    [*_, to_app] = at(one("istio.yaml", "VirtualService"), "spec.http")
    assert set(at(to_app, "headers.request.remove")) == lower(IDENTITY)
    early = at(one("envoy-gateway.yaml", "ClientTrafficPolicy"), "spec.headers.earlyRequestHeaders.removeOnMatch")
    [prefix, pattern] = [match["value"] for match in early]
    assert all(name.startswith(prefix) for name in lower(IDENTITY))
    assert all(re.fullmatch(pattern, name.replace("-", ".")) for name in lower(IDENTITY))
    assert set(at(one("envoy-gateway.yaml", "SecurityPolicy"), "spec.extAuth.http.headersToBackend")) == lower(TOLD)
    [provider] = at(one("istio-mesh.yaml", "IstioOperator"), "spec.meshConfig.extensionProviders")
    assert at(provider, "envoyExtAuthzHttp.headersToUpstreamOnAllow") == ["x-auth-*"]

    rules = at(one("gateway-api.yaml", "HTTPRoute"), "spec.rules")
    for rule in rules[:2]:
        removed = at(rule, "filters.0.requestHeaderModifier.remove")
        assert {"X-Auth-Status", "X-Auth-User-Id", "X-Auth-User-Role"} <= set(removed)
    assert set(at(rules[2], "filters.0.externalAuth.http.allowedResponseHeaders")) == TOLD


def test_each_caller_hands_on_what_the_file_for_envoy_does() -> None:
    """test_callers.py runs that one, and it is the same endpoint."""
    envoy = list(walk(yaml.safe_load((DEPLOY / "envoy/envoy-http.yaml").read_text())))
    [patterns] = [value["patterns"] for path, value in envoy if path[-1:] == ("allowed_headers",)]
    read = {pattern["exact"] for pattern in patterns}
    assert {"cookie", "authorization"} <= read
    route = at(one("gateway-api.yaml", "HTTPRoute"), "spec.rules.2.filters.0.externalAuth.http")
    # Authorization is always sent, says the specification.
    assert lower(route["allowedHeaders"]) | {"authorization"} == read
    assert set(at(one("envoy-gateway.yaml", "SecurityPolicy"), "spec.extAuth.headersToExtAuth")) == read
    [provider] = at(one("istio-mesh.yaml", "IstioOperator"), "spec.meshConfig.extensionProviders")
    assert set(at(provider, "envoyExtAuthzHttp.includeRequestHeadersInCheck")) == read


def test_each_caller_fails_closed_in_time() -> None:
    policy = at(one("envoy-gateway.yaml", "SecurityPolicy"), "spec.extAuth")
    assert (policy["failOpen"], policy["statusOnError"], policy["timeout"]) == (False, 503, "1s")
    assert policy["http"]["path"] == "/auth/envoy"
    [provider] = at(one("istio-mesh.yaml", "IstioOperator"), "spec.meshConfig.extensionProviders")
    mesh = provider["envoyExtAuthzHttp"]
    assert (mesh["failOpen"], mesh["statusOnError"], mesh["timeout"]) == (False, "503", "1s")
    assert mesh["pathPrefix"] == "/auth/envoy"
    forward = at(one("traefik.yaml", "Middleware", "signed-in"), "spec.forwardAuth")
    assert forward["authResponseHeadersRegex"] == "^X-Auth-"
    assert not {"authRequestHeaders", "forwardBody", "preserveRequestMethod"} & forward.keys()
    for name in ("app-api", "app-pages"):
        assert not [key for key in annotations(one("ingress-nginx.yaml", "Ingress", name)) if "cache" in key]


def annotations(ingress: Manifest) -> dict[str, str]:
    values: dict[str, str] = ingress["metadata"]["annotations"]
    return {name.removeprefix("nginx.ingress.kubernetes.io/"): value for name, value in values.items()}


def lower(names: set[str] | list[str]) -> set[str]:
    return {name.lower() for name in names}


def test_nobody_but_proxies_and_prometheus_reaches_the_gateway() -> None:
    policy = one("gateway.yaml", "NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [(rule["from"], rule["ports"]) for rule in policy["ingress"]] == [
        ([{"namespaceSelector": {"matchLabels": {"sidegate/caller": "true"}}}], [{"port": "http"}]),
        ([{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}], [{"port": "admin"}]),
    ]
    for rule in policy["egress"]:
        assert rule["to"], "an empty list is everything"
        assert rule["ports"]
    for file in set(files()) - {"gateway.yaml", "sidecar.yaml", "sidecar-nginx.yaml", "istio-mesh.yaml"}:
        assert re.search(r"kubectl label namespace \S+ sidegate/caller=true", (MANIFESTS / file).read_text()), file


def test_there_are_always_two_and_one_may_go() -> None:
    scaler, budget = one("gateway.yaml", "HorizontalPodAutoscaler"), one("gateway.yaml", "PodDisruptionBudget")
    assert scaler["spec"]["minReplicas"] == 2
    assert budget["spec"]["maxUnavailable"] == 1
    assert "replicas" not in one("gateway.yaml", "Deployment")["spec"], "each apply would set it back"
    assert at(one("gateway.yaml", "Deployment"), "spec.strategy.rollingUpdate.maxUnavailable") == 0


def test_the_readme_tells_of_every_file_and_of_what_is_yours() -> None:
    for file in files():
        assert f"[`{file}`]({file})" in README
    for name in ("better-auth", "app-tls", "`secret`", "`database-url`", "sidegate/caller"):
        assert name in README


def test_no_two_manifests_of_a_file_are_the_same_thing() -> None:
    for file in files():
        names = [(title(manifest), namespace(manifest)) for manifest in manifests(file)]
        assert len(names) == len(set(names)), file
