"""The attack corpus: all that a client might send to be somebody else, or to reach what it may not.

Data only. What must hold, whatever is sent, is in `rig.judge`; who sends it, in `rig.siege`.
"""

from .forgeries import FORGERIES, PREFLIGHTS, REDIRECTS
from .form import ADA, CASE, COOKIE, TOKEN, Attack, Fill
from .framing import BODIES, LINES
from .hops import NOMINATIONS, UPGRADING
from .http2 import ATTACKS as HTTP2
from .identity import ATTACKS as IDENTITY
from .identity import NAMES, TRAILERS
from .paths import ATTACKS as PATHS
from .sessions import COOKIE_ATTACKS, SIZES
from .targets import ATTACKS as TARGETS

CORPUS: dict[str, list[Attack]] = {
    "identity headers": IDENTITY,
    "trailers": TRAILERS,
    "nominated headers": NOMINATIONS,
    "upgrades": UPGRADING,
    "forged sources": FORGERIES,
    "preflights": PREFLIGHTS,
    "paths": PATHS,
    "hosts and methods": TARGETS,
    "credentials": COOKIE_ATTACKS,
    "sizes": SIZES,
    "bodies": BODIES,
    "request lines": LINES,
    "HTTP/2": HTTP2,
    "redirects": REDIRECTS,
}

__all__ = ["ADA", "CASE", "COOKIE", "CORPUS", "NAMES", "TOKEN", "Attack", "Fill"]
