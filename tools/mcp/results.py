"""From observations to what a client is sent: text, pictures as JPEGs, structured content."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...memory import FrameReader, RewatchError
from ..budget import Spend
from ..observation import Observation
from ..plugins.content import as_picture
from ..sanitize import defuse, defuse_data

if TYPE_CHECKING:
    import numpy as np

PICTURES = 16
"""Pictures of one result at most; of more, these are spread evenly."""


def result_of(
    observation: Observation,
    cost: Spend,
    left: Mapping[str, float],
    pixels: FrameReader,
    size: int,
    more: Mapping[str, Any],
) -> Any:
    """Return the result of a call; `more` goes into its structured content beside data, URIs, cost and budget."""
    from mcp_types import CallToolResult, ImageContent, TextContent

    pictures, notes = _pictures(observation, pixels, size)
    structured = {
        "data": defuse_data(observation.data),
        "uris": list(observation.uris),
        "cached": observation.cached,
        "cost": cost.as_dict(),
        "left": dict(left),
        **more,
    }
    return CallToolResult(
        content=[
            TextContent(text=defuse("\n".join([observation.text, *notes]))),
            *(ImageContent(data=picture, mime_type="image/jpeg") for picture in pictures),
        ],
        structured_content=json.loads(json.dumps(structured, default=str)),
        is_error=observation.error,
    )


def _pictures(observation: Observation, pixels: FrameReader, size: int) -> tuple[list[str], list[str]]:
    """The pictures as base64 of JPEGs, and notes on those that are left out."""
    chosen, notes = list(observation.pictures), []
    if len(chosen) > PICTURES:
        notes.append(f"({PICTURES} of the {len(chosen)} pictures are shown)")
        chosen = [chosen[round(k * (len(chosen) - 1) / (PICTURES - 1))] for k in range(PICTURES)]
    try:
        return [uri.partition(",")[2] for uri in encoded(chosen, pixels, size)], notes
    except (RewatchError, ValueError) as error:
        return [], [*notes, f"(no pictures: {error})"]


def encoded(pictures: list[str], pixels: FrameReader, size: int) -> list[str]:
    """Return each picture of `Observation.pictures` as a JPEG data URI: frames and crops are read from their videos."""
    places = [uri for uri in pictures if not uri.startswith("data:")]
    arrays: dict[str, np.ndarray] = dict(zip(places, pixels.read(places), strict=True)) if places else {}
    return [as_picture(arrays[uri], size=size) if uri in arrays else uri for uri in pictures]
