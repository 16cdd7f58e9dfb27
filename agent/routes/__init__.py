"""The published ways of searching a long video, by name."""

from .direct import DIRECT
from .route import Brief, Found, Route
from .search import SEARCH
from .skim_zoom import SKIM_ZOOM

ROUTES: dict[str, Route] = {route.name: route for route in (DIRECT, SEARCH, SKIM_ZOOM)}

__all__ = ["ROUTES", "Brief", "Found", "Route"]
