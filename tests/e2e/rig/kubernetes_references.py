"""What the manifests refer to: each reference of one to another, so that a test can look up whether it is there.

A reference is written `Kind namespace/name`, with `:port` where a port of a Service is meant.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from .kubernetes import Manifest, title

HERE = "app"
"""The namespace of manifests that name none: `kubectl apply -n` decides."""


def defined(resources: Sequence[Manifest]) -> set[str]:
    return {name for manifest in resources for name in names_of(manifest)}


def names_of(manifest: Manifest) -> Iterator[str]:
    own = reference(manifest["kind"], manifest.get("metadata", {}).get("name", ""), namespace(manifest))
    yield own
    if manifest["kind"] == "Service":
        yield from (f"{own}:{port['port']}" for port in manifest["spec"]["ports"])
    for key in manifest.get("data", {}):
        yield f"{own}#{key}"


def references(resources: Sequence[Manifest]) -> set[str]:
    return {name for manifest in resources for name in references_of(manifest)}


def references_of(manifest: Manifest) -> Iterator[str]:
    here = namespace(manifest)
    for path, value in walk(manifest):
        match path:
            case [*_, "configMap", "name"]:
                yield reference("ConfigMap", value, here)
            case [*_, "secret", "secretName"] | [*_, "tls", "secretName"] | [*_, "tls", "secret"]:
                yield reference("Secret", value, here)
            case [*_, "tls", int(), "secretName"]:
                yield reference("Secret", value, here)
            case [*_, "volumes", int()] if "secret" in value:
                yield from (key_of_secret(value["secret"], item, here) for item in value["secret"].get("items", ()))
            case [*_, "serviceAccountName"]:
                yield reference("ServiceAccount", value, here)
            case [*_, "secretKeyRef"]:
                yield f"{reference('Secret', value['name'], here)}#{value['key']}"
            case [*_, "scaleTargetRef"] | [*_, "targetRefs", int()]:
                yield reference(value["kind"], value["name"], here)
            case [*_, "parentRefs", int()]:
                yield reference("Gateway", value["name"], value.get("namespace", here))
            case [*_, "backendRef"] | [*_, "backendRefs", int()]:
                yield service(value["name"], value.get("namespace", here), value["port"])
            case [*_, "spec", "to", int()]:
                yield reference(value["kind"], value["name"], here)
            case [*_, "backend", "service"]:
                yield service(value["name"], here, value["port"]["number"])
            case [*_, "routes", int(), "services", int()]:
                yield service(value["name"], here, value["port"])
            case [*_, "routes", int(), "middlewares", int()]:
                yield reference("Middleware", value["name"], here)
            case [*_, "routes", int(), "policies", int()]:
                yield reference("Policy", value["name"], here)
            case [*_, "upstreams", int()]:
                yield service(value["service"], here, value["port"])
            case [*_, "externalAuth"] if "authServiceName" in value:
                where, _, name = value["authServiceName"].rpartition("/")
                yield from (service(name, where or here, port) for port in value["authServicePorts"])
            case [*_, "envoyExtAuthzHttp"]:
                yield service_at(value["service"], value["port"])
            case [*_, "destination"]:
                yield service_at(value["host"], value["port"]["number"])
            case [*_, "gateways", int()]:
                yield f"Gateway {value}"
            case [*_, "forwardAuth", "address"] | [*_, "nginx.ingress.kubernetes.io/auth-url"]:
                address = re.fullmatch(r"http://([^/:]+):(\d+)/auth/\w+", value)
                assert address, f"{title(manifest)}: {value}"
                yield service_at(address[1], int(address[2]))


def walk(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Every value in a manifest, with the keys and indices that lead to it."""
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in items:
        yield from walk(inner, (*path, step))


def namespace(manifest: Manifest) -> str:
    return str(manifest.get("metadata", {}).get("namespace", HERE))


def reference(kind: str, name: str, where: str) -> str:
    return f"{kind} {where}/{name}"


def key_of_secret(volume: Manifest, item: Manifest, here: str) -> str:
    return f"{reference('Secret', volume['secretName'], here)}#{item['key']}"


def service(name: str, where: str, port: int) -> str:
    return f"{reference('Service', name, where)}:{port}"


def service_at(host: str, port: int) -> str:
    name, where = host.removesuffix(".svc.cluster.local").split(".")
    return service(name, where, port)
