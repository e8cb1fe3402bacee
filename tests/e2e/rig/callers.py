"""Every caller that sidegate ships a configuration for, by name."""

from .caddy import Caddy, NewCaddy
from .envoy import Envoy, EnvoyGrpc
from .haproxy import Haproxy
from .nginx import Nginx
from .traefik import Traefik

AnyProxy = type[Nginx | Traefik | Envoy | Caddy | Haproxy]

CALLERS = ("nginx", "traefik", "envoy", "envoy-grpc", "caddy", "haproxy")

ALL = (*CALLERS, "caddy-new")
"""With a second version where what the file has to do differs."""


def proxy_for(caller: str) -> AnyProxy:
    classes: list[AnyProxy] = [Nginx, Traefik, Envoy, EnvoyGrpc, Caddy, Haproxy, NewCaddy]
    return {one.name: one for one in classes}[caller]
