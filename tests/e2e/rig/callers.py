"""Every caller that sidegate ships a configuration for, by name."""

from .envoy import Envoy, EnvoyGrpc
from .nginx import Nginx
from .traefik import Traefik

CALLERS = ("nginx", "traefik", "envoy", "envoy-grpc")

ALL = CALLERS


def proxy_for(caller: str) -> type[Nginx | Traefik | Envoy]:
    classes: list[type[Nginx | Traefik | Envoy]] = [Nginx, Traefik, Envoy, EnvoyGrpc]
    return {one.name: one for one in classes}[caller]
