"""The published ways of searching a long video, one file each beside its paper, by name.

`route` defines them, `route_budget` keeps their budget and shows frames, and `replies` reads what models write.
"""

from ...memory.registry import Registry
from .adaptive import ADAPTIVE
from .descend import DESCEND
from .direct import DIRECT
from .map_reduce import MAP_REDUCE
from .read import READ
from .role_chain import ROLE_CHAIN
from .route import Brief, Route, RouteResult
from .search import SEARCH
from .skim_zoom import SKIM_ZOOM
from .tree import TREE
from .video_tree import VIDEO_TREE

_PUBLISHED = (DIRECT, SEARCH, READ, SKIM_ZOOM, ADAPTIVE, TREE, VIDEO_TREE, MAP_REDUCE, ROLE_CHAIN, DESCEND)
ROUTES: Registry[Route] = Registry("route", {route.name: route for route in _PUBLISHED})
"""Every strategy by the name that `--route` takes; `ROUTES.add` takes in one of your own."""

__all__ = ["ROUTES", "Brief", "RouteResult", "Route"]
