"""Every caller that sidegate ships a configuration for, by name."""

from .nginx import Nginx

CALLERS = ("nginx",)

ALL = CALLERS


def proxy_for(caller: str) -> type[Nginx]:
    return {"nginx": Nginx}[caller]
