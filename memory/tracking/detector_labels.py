"""Words for kinds of objects: what a detector calls a thing that people ask for, and vocabularies of open ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import CapabilityError

COMMON = tuple(
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,"
    "bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,"
    "snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,"
    "fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,"
    "refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush".split(",")
)
"""The kinds of COCO, which most detectors know."""

_PEOPLE = (
    "people men women man woman persons someone anyone boy boys girl girls child children kid kids visitor visitors "
    "pedestrian pedestrians human humans guest guests customer customers worker workers adult adults lady ladies guy "
    "guys player players shopper shoppers passer-by passers-by passerby individual individuals crowd figure figures "
    "somebody anybody"
).split()
_GROUPS = {
    "vehicle": ("car", "truck", "bus", "motorcycle", "van", "vehicle", "train"),
    "animal": ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "animal"),
    "pet": ("cat", "dog"),
    "furniture": ("chair", "couch", "bed", "dining table"),
    "fruit": ("banana", "apple", "orange"),
    "bag": ("backpack", "handbag", "suitcase"),
    "screen": ("tv", "laptop", "cell phone"),
}
_SAME = {
    **dict.fromkeys(_PEOPLE, "person"),
    "automobile": "car", "taxi": "car", "cab": "car", "van": "truck", "lorry": "truck", "bike": "bicycle",
    "cyclist": "bicycle", "motorbike": "motorcycle", "plane": "airplane", "aeroplane": "airplane",
    "aircraft": "airplane",
    "ship": "boat", "sailboat": "boat", "yacht": "boat", "sailing boat": "boat", "puppy": "dog", "kitten": "cat",
    "sofa": "couch", "table": "dining table", "television": "tv", "monitor": "tv", "phone": "cell phone",
    "mobile": "cell phone", "smartphone": "cell phone", "mug": "cup", "glass": "wine glass", "fridge": "refrigerator",
    "cooker": "oven", "stove": "oven", "purse": "handbag", "rucksack": "backpack", "plant": "potted plant",
    "ball": "sports ball", "doughnut": "donut", "computer": "laptop",
}  # fmt: skip

NARROWER = frozenset(
    "men man women woman boy girl child children kid guest customer worker adult lady ladies guy player shopper "
    "passerby passer-by crowd figure taxi cab van lorry cyclist puppy kitten yacht purse rucksack monitor".split()
)
"""Words that say more of a thing than a detector sees: that a person is a woman, or a car a taxi."""
_NO_THINGS = frozenset("orange view screen glass remote tie table".split())  # more often a color, a place, a verb


def singular(word: str) -> str:
    """`cars` as `car`, `buses` as `bus`, `knives` as `knife`, by rules for English."""
    low = word.lower().strip()
    for plural, single in (("knives", "knife"), ("mice", "mouse"), ("geese", "goose"), ("leaves", "leaf")):
        if low.endswith(plural):
            return low.removesuffix(plural) + single
    if low.endswith("ies") and len(low) > 4:
        return low[:-3] + "y"
    if low.endswith(("ses", "shes", "ches", "xes", "zes")) and not low.endswith(("horses", "vases", "houses")):
        return low[:-2]
    if low.endswith("s") and not low.endswith(("ss", "us", "is", "scissors", "skis")):
        return low[:-1]
    return low


def labels_for(word: str, known: Iterable[str]) -> tuple[str, ...]:
    """The labels of a detector that `word` asks for: itself, another word for it, or a group; none if there is none."""
    labels = {label.lower(): label for label in known}
    low = word.lower().strip()
    for form in (low, singular(low)):
        for name in (form, _SAME.get(form, "")):
            if name in labels:
                return (labels[name],)
        if form in _GROUPS:
            found = tuple(labels[name] for name in _GROUPS[form] if name in labels)
            if found:
                return found
    last = low.split()[-1] if len(low.split()) > 1 else ""
    return labels_for(last, labels.values()) if last else ()


def first_thing(words: Sequence[str]) -> tuple[int, int, str]:
    """Where among lower-case words the first thing is named that detectors know, in how many words, and what it is.

    That is a label of `COMMON`, or a group of them (`vehicle`). Without one: (0, 0, "").
    """
    for at, word in enumerate(words):
        pair = singular(" ".join(words[at : at + 2]))
        if pair in COMMON and " " in pair:
            return at, 2, pair
        found = () if word in _NO_THINGS else labels_for(word, COMMON)
        if found:
            return at, 1, found[0] if len(found) == 1 else singular(word)
    return 0, 0, ""


def alike(one: str, other: str) -> bool:
    """Whether one thing may be taken for either from frame to frame: a car that is seen as a truck is still one."""
    return one == other or any(one in group and other in group for group in _GROUPS.values())


def count_words(counts: Sequence[tuple[str, int]]) -> str:
    """`2 people, 1 dog`."""
    return ", ".join(f"{count} {label if count == 1 else plural(label)}" for label, count in counts)


def plural(label: str) -> str:
    """`person` as `people`, `bus` as `buses`."""
    special = {"person": "people", "sheep": "sheep", "knife": "knives", "mouse": "mice", "skis": "skis",
               "scissors": "scissors"}  # fmt: skip
    if label in special:
        return special[label]
    return label + ("es" if label.endswith(("s", "sh", "ch", "x")) else "s")


def set_vocabulary(model: Any, words: tuple[str, ...]) -> None:
    """Have YOLO-World or YOLOE look for `words`.

    Raises:
        CapabilityError: if the model that turns words into vectors is not here.
    """
    try:
        model.set_classes(list(words))
    except Exception as error:  # ultralytics tries to install and to download it, and fails in many ways
        raise CapabilityError(
            f"These weights can be asked for {', '.join(words)} only with their text encoder: YOLO-World needs the "
            "package clip (pip install git+https://github.com/ultralytics/CLIP.git) and ViT-B-32.pt (338 MB) in "
            "~/.cache/clip, YOLOE needs mobileclip_blt.ts (572 MB) in this folder; or save the weights with their "
            "vocabulary (model.set_classes([...]); model.save(FILE))."
        ) from error
