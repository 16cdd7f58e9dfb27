"""One clock for many videos: when each was recorded, moments on it, and how people speak of them."""
