"""The published ways of searching a long video, by name."""

from .route import Brief, Found, Route
from .search import SEARCH

ROUTES: dict[str, Route] = {route.name: route for route in (SEARCH,)}

__all__ = ["ROUTES", "Brief", "Found", "Route"]
