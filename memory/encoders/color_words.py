"""English words for colours, brightness, motion and other looks, and how a query is read for them."""

from __future__ import annotations

import re

from .color_names import NAMES

# The qualities of a frame that words can name, in the order of their places in the vector.
LOOKS = ("bright", "contrast", "colorful", "plain", "sharp", "motion")

# Only words that rarely mean anything else: no gold (medal), rose, chocolate or lime.
_COLOR_WORDS = {
    "grey": "gray greyish grayish silver silvery",
    "red": "crimson scarlet maroon burgundy vermilion reddish",
    "orange": "orangish",
    "yellow": "golden yellowish blond blonde",
    "green": "greenish emerald khaki",
    "blue": "navy azure cyan turquoise teal bluish",
    "purple": "violet lilac lavender indigo purplish mauve",
    "pink": "magenta fuchsia pinkish",
    "brown": "brownish beige tan",
    "white": "whitish",
    "black": "blackish",
}
_LOOK_WORDS = {
    ("bright", True): "bright brighter brightest brightly sunny sunlit sunlight daylight daytime overexposed",
    ("bright", False): "dark darker darkest darkness dim dimly night nighttime nighttimes unlit midnight underexposed",
    ("contrast", False): "foggy fog hazy haze misty mist",
    ("colorful", True): "colourful colorful vivid",
    ("colorful", False): "monochrome greyscale grayscale sepia",
    ("plain", True): "blank featureless",
    ("sharp", False): "blurred blurry blur unfocused defocused",
    ("motion", True): "moving moves move motion movement shaky shaking",
    ("motion", False): "motionless static stationary unmoving immobile frozen",
}
_PHRASES = (
    (re.compile(r"\b(black[\s-]*(and|&|n|'n')[\s-]*white|b\s?[&/]\s?w)\b"), ("colorful", False)),
    (re.compile(r"\bout of focus\b"), ("sharp", False)),
    (
        re.compile(r"\b(standing|sitting|stands?|sits?|holds?|keeps?|stays?|perfectly|completely|very) still\b"),
        ("motion", False),
    ),
    (re.compile(r"\bstill (image|picture|photo|frame|camera|shot|scene)s?\b|\bstill\W*$"), ("motion", False)),
    (re.compile(r"\b(no|without|not|little|hardly any) (motion|movement|moving)\b"), ("motion", False)),
    (re.compile(r"\b(at|in) the dark\b|\blow[\s-]light\b"), ("bright", False)),
)
_MEANING: dict[str, tuple[str, bool]] = {
    **{name: (name, True) for name in NAMES},
    **{word: (name, True) for name, words in _COLOR_WORDS.items() for word in words.split()},
    **{word: meaning for meaning, words in _LOOK_WORDS.items() for word in words.split()},
}
_NEGATIONS = frozenset(("no", "not", "non", "without", "never"))
# "dark hair" and "bright red" speak of a thing, not of the light in the picture.
_OF_A_THING = re.compile(r"hair(ed)?|skin(ned)?|eyed?|eyes|coloured|colored")


def read_query(query: str) -> dict[str, bool]:
    """The looks that a query names: a colour name or one of `LOOKS`, and whether it should be there or not.

    >>> read_query("a crimson car at night, not moving")
    {'motion': False, 'red': True, 'bright': False}
    """
    text = query.casefold()
    looks: dict[str, bool] = {}
    for pattern, (look, present) in _PHRASES:
        text, found = pattern.subn(" ", text)
        if found:
            looks.setdefault(look, present)
    words = re.findall(r"[^\W\d_]+", text)
    for index, word in enumerate(words):
        meaning = _MEANING.get(word)
        if meaning is None:
            continue
        look, present = meaning
        following = words[index + 1] if index + 1 < len(words) else ""
        if look == "bright" and (_OF_A_THING.fullmatch(following) or _MEANING.get(following, ("",))[0] in NAMES):
            continue
        if index and words[index - 1] in _NEGATIONS:
            present = not present
        # Named twice, the wish for it counts: "the red car, not the red bus".
        looks[look] = looks.get(look, False) or present if look in NAMES else present
    return looks
