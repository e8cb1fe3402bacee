"""Ingress controllers without a cluster: what each makes of its resources in deploy/kubernetes, in the real proxy.

Traefik reads its resources itself, from an API server. ingress-nginx and F5's controller write an nginx.conf: what they
write for these resources is written here, as their templates have it (rootfs/etc/nginx/template/nginx.tmpl of 1.15 and
internal/configs/version2/nginx.virtualserver.tmpl of 5.5), so far as headers and subrequests are concerned.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .kubernetes import Manifest, at, manifests, one
from .kubernetes_api import KubernetesApi
from .nginx import temporary
from .ports import free_port, is_open
from .process import Process, until
from .traefik import TRAEFIK
from .wire import Headers, Reply, exchange, request

HOST = "app.example.com"
SIDEGATE = "sidegate.sidegate.svc.cluster.local:4180"

Services = Mapping[str, int]
"""Ports of 127.0.0.1 by the names of Services, `sidegate` among them."""


class Controller:
    """A running proxy, with the app and Better Auth behind it."""

    def __init__(self, home: Path, services: Services) -> None:
        self.home, self.services, self.port = home, services, free_port()
        home.mkdir()

    def ask(self, path: str, headers: Headers = (), method: str = "GET", body: bytes = b"") -> Reply:
        return exchange(("127.0.0.1", self.port), request(method, path, [("Host", HOST), *headers], body))

    def stop(self) -> None:
        raise NotImplementedError


class Traefik(Controller):
    """traefik.yaml, read from an API server. Plain HTTP, for the tests write their requests by hand."""

    def __init__(self, home: Path, services: Services, *settings: str) -> None:
        super().__init__(home, services)
        self._api = KubernetesApi([*self._resources(), *endpoints(services)])
        self._api.__enter__()
        command = [
            TRAEFIK,
            f"--entryPoints.websecure.address=127.0.0.1:{self.port}",
            f"--providers.kubernetesCRD.endpoint={self._api.url}",
            "--providers.kubernetesCRD.token=any",
            "--global.checkNewVersion=false",
            *settings,
        ]
        self.process = Process("traefik", command, home)
        until(self._is_ready, "Traefik has its routes")

    def _resources(self) -> Iterator[Manifest]:
        for manifest in manifests("traefik.yaml"):
            if manifest["kind"] == "IngressRoute":
                del manifest["spec"]["tls"]
            elif "forwardAuth" in manifest["spec"]:
                forward = manifest["spec"]["forwardAuth"]
                forward["address"] = here(forward["address"], self.services)
            yield manifest

    def _is_ready(self) -> bool:
        assert self.process.exit_code is None, self.process.text()
        return is_open(self.port) and self.ask("/login").status == 200

    def stop(self) -> None:
        self.process.stop()
        self._api.__exit__()


def endpoints(services: Services) -> Iterator[Manifest]:
    """The Services and where their pods are."""
    for name, port in {"app": 80, "better-auth": 3000}.items():
        yield {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": "app"},
            "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "http", "port": port}]},
        }
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {"name": name, "namespace": "app", "labels": {"kubernetes.io/service-name": name}},
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": services[name]}],
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": True}}],
        }


class WrittenNginx(Controller):
    """nginx with a configuration that a controller writes."""

    def __init__(self, home: Path, services: Services) -> None:
        super().__init__(home, services)
        server = f"listen 127.0.0.1:{self.port}; server_name {HOST};\n{self.locations()}"
        http = f"access_log off; {temporary(home)} underscores_in_headers off;\n{CONNECTION}\nserver {{ {server} }}"
        (home / "nginx.conf").write_text(f"events {{}}\nhttp {{ {http} }}\n")
        user = " user root;" if os.geteuid() == 0 else ""
        main = f"pid {home}/nginx.pid; worker_processes 1; daemon off;{user}"
        command = ["nginx", "-p", f"{home}/", "-c", f"{home}/nginx.conf", "-e", f"{home}/error.log", "-g", main]
        self.process = Process("nginx", command, home, at_our_death="TERM")
        until(self._is_ready, "nginx listens")

    def _is_ready(self) -> bool:
        assert self.process.exit_code is None, (self.home / "error.log").read_text()
        return is_open(self.port)

    def locations(self) -> str:
        raise NotImplementedError

    def stop(self) -> None:
        self.process.stop()


CONNECTION = "map $http_upgrade $connection_upgrade { default upgrade; '' ''; }"


class IngressNginx(WrittenNginx):
    """ingress-nginx.yaml, with the ConfigMap that it brings as proxy-set-headers."""

    def locations(self) -> str:
        ingresses = [manifest for manifest in manifests("ingress-nginx.yaml") if manifest["kind"] == "Ingress"]
        return "\n".join(
            self._location(path, annotations_of(ingress))
            for ingress in ingresses
            for path in at(ingress, "spec.rules.0.http.paths")
        )

    def _location(self, path: Manifest, annotations: Mapping[str, str]) -> str:
        exact = "= " if path["pathType"] == "Exact" else ""
        backend = self.services[at(path, "backend.service.name")]
        common = "".join(f'proxy_set_header {name} "{value}";\n' for name, value in PROXY_SET_HEADERS.items())
        if "auth-url" not in annotations:
            return f"location {exact}{path['path']} {{ {common} {PASSED_ON} proxy_pass http://127.0.0.1:{backend}; }}"
        question = "/_external-auth" + re.sub(r"\W", "-", path["path"])
        told = [name.strip() for name in annotations["auth-response-headers"].split(",")]
        variables = "".join(
            f"auth_request_set $authHeader{number} $upstream_http_{name.lower().replace('-', '_')};\n"
            f"proxy_set_header '{name}' $authHeader{number};\n"
            for number, name in enumerate(told)
        )
        sign_in, redirect = "", ""
        if page := annotations.get("auth-signin"):
            target = f"{page}?{annotations['auth-signin-redirect-param']}=$scheme://$http_host$request_uri"
            redirect = f"error_page 401 = {question}-signin;"
            sign_in = f"location = {question}-signin {{ internal; return 302 {target}; }}"
        return f"""
            location = {question} {{
                internal;
                proxy_intercept_errors off;
                proxy_pass_request_body off;
                proxy_set_header Content-Length "";
                proxy_set_header X-Forwarded-Proto "";
                proxy_set_header Host {SIDEGATE.partition(":")[0]};
                proxy_set_header X-Original-URL $scheme://$http_host$request_uri;
                proxy_set_header X-Original-Method $request_method;
                proxy_set_header X-Sent-From "nginx-ingress-controller";
                proxy_set_header X-Real-IP $remote_addr;
                proxy_set_header X-Forwarded-For $remote_addr;
                proxy_set_header X-Auth-Request-Redirect $request_uri;
                proxy_pass_request_headers on;
                proxy_buffer_size {annotations.get("proxy-buffer-size", "4k")};
                proxy_buffers 4 {annotations.get("proxy-buffer-size", "4k")};
                proxy_http_version 1.1;
                set $target {here(annotations["auth-url"], self.services)};
                proxy_pass $target;
            }}
            {sign_in}
            location {exact}{path["path"]} {{
                auth_request {question};
                {variables} {redirect} {common} {PASSED_ON}
                proxy_pass http://127.0.0.1:{backend};
            }}"""


PASSED_ON = """
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_http_version 1.1;
"""
PROXY_SET_HEADERS: dict[str, str] = one("ingress-nginx.yaml", "ConfigMap")["data"]


def annotations_of(ingress: Manifest) -> dict[str, str]:
    values: dict[str, str] = ingress["metadata"].get("annotations", {})
    return {name.removeprefix("nginx.ingress.kubernetes.io/"): value for name, value in values.items()}


class NginxIngress(WrittenNginx):
    """nginx-ingress.yaml."""

    def locations(self) -> str:
        policy, server = one("nginx-ingress.yaml", "Policy"), one("nginx-ingress.yaml", "VirtualServer")
        external = policy["spec"]["externalAuth"]
        question = f"/_external_auth{external['authURI']}"
        written = [
            f"""
            location {question} {{
                internal;
                {external["authSnippets"]}
                proxy_buffering off;
                proxy_http_version 1.1;
                proxy_pass_request_headers on;
                proxy_pass_request_body off;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Forwarded-Host $host;
                proxy_set_header Content-Length "0";
                proxy_set_header Host "$host";
                proxy_set_header X-Scheme "$scheme";
                proxy_pass http://127.0.0.1:{self.services["sidegate"]}{external["authURI"]};
            }}"""
        ]
        for route in at(server, "spec.routes"):
            written.append(self._location(route, question, server))
        return "\n".join(written)

    def _location(self, route: Manifest, question: str, server: Manifest) -> str:
        action: dict[str, Any] = route["action"]
        upstream = action.get("pass") or action["proxy"]["upstream"]
        [service] = [each["service"] for each in at(server, "spec.upstreams") if each["name"] == upstream]
        changed = action["proxy"]["requestHeaders"]["set"] if "proxy" in action else []
        headers = "".join(f'proxy_set_header {header["name"]} "{header["value"]}";\n' for header in changed)
        asked = f"auth_request {question};" if route.get("policies") else ""
        return f"""
            location {route["path"].replace("=", "= ")} {{
                {route.get("location-snippets", "")}
                {asked}
                proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection $connection_upgrade;
                proxy_set_header X-Real-IP $remote_addr;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                {headers}
                proxy_set_header Host "$host";
                proxy_pass http://127.0.0.1:{self.services[service]};
            }}"""


def here(url: str, services: Services) -> str:
    """An address in the cluster as what stands for it."""
    assert url.startswith(f"http://{SIDEGATE}/"), url
    return url.replace(SIDEGATE, f"127.0.0.1:{services['sidegate']}")
