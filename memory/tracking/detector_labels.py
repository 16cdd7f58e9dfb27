"""Words for kinds of objects: the labels that a detector has for what people ask for, and how they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

COCO_LABELS = tuple(
    "person,bicycle,car,motorcycle,airplane,bus,train,truck,boat,traffic light,fire hydrant,stop sign,parking meter,"
    "bench,bird,cat,dog,horse,sheep,cow,elephant,bear,zebra,giraffe,backpack,umbrella,handbag,tie,suitcase,frisbee,skis,"
    "snowboard,sports ball,kite,baseball bat,baseball glove,skateboard,surfboard,tennis racket,bottle,wine glass,cup,"
    "fork,knife,spoon,bowl,banana,apple,sandwich,orange,broccoli,carrot,hot dog,pizza,donut,cake,chair,couch,"
    "potted plant,bed,dining table,toilet,tv,laptop,mouse,remote,keyboard,cell phone,microwave,oven,toaster,sink,"
    "refrigerator,book,clock,vase,scissors,teddy bear,hair drier,toothbrush".split(",")
)
"""The labels of COCO, which most detectors know."""

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
_SYNONYMS = {
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

NARROWER_WORDS = frozenset(
    "men man women woman boy girl child children kid guest customer worker adult lady ladies guy player shopper "
    "passerby passer-by crowd figure taxi cab van lorry cyclist puppy kitten yacht purse rucksack monitor".split()
)
"""Words that say more of a thing than a detector sees: that a person is a woman, or a car a taxi."""
_NO_OBJECTS = frozenset("orange view screen glass remote tie table".split())  # more often a color, a place, a verb


def singular(word: str) -> str:
    """Return `car` for `cars`, `bus` for `buses`, `knife` for `knives`, by rules for English."""
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
    """Return the labels of a detector that `word` asks for: itself, a synonym, or a group; none if there is none."""
    labels = {label.lower(): label for label in known}
    low = word.lower().strip()
    for form in (low, singular(low)):
        for name in (form, _SYNONYMS.get(form, "")):
            if name in labels:
                return (labels[name],)
        if form in _GROUPS:
            found = tuple(labels[name] for name in _GROUPS[form] if name in labels)
            if found:
                return found
    last = low.split()[-1] if len(low.split()) > 1 else ""
    return labels_for(last, labels.values()) if last else ()


def first_object(words: Sequence[str]) -> tuple[int, int, str]:
    """Find the first object among lower-case words: its position, its number of words, and its name.

    That is a label of `COCO_LABELS`, or a group of them (`vehicle`). Without one: (0, 0, "").
    """
    for at, word in enumerate(words):
        pair = singular(" ".join(words[at : at + 2]))
        if pair in COCO_LABELS and " " in pair:
            return at, 2, pair
        found = () if word in _NO_OBJECTS else labels_for(word, COCO_LABELS)
        if found:
            return at, 1, found[0] if len(found) == 1 else singular(word)
    return 0, 0, ""


def same_kind(one: str, other: str) -> bool:
    """Tell whether one object may have either label from frame to frame: a car that is labeled a truck is still one."""
    return one == other or any(one in group and other in group for group in _GROUPS.values())


def count_words(counts: Sequence[tuple[str, int]]) -> str:
    """Write counts of labels: `2 people, 1 dog`."""
    return ", ".join(f"{count} {label if count == 1 else plural(label)}" for label, count in counts)


def plural(label: str) -> str:
    """Return `people` for `person`, `buses` for `bus`."""
    special = {"person": "people", "sheep": "sheep", "knife": "knives", "mouse": "mice", "skis": "skis",
               "scissors": "scissors"}  # fmt: skip
    if label in special:
        return special[label]
    return label + ("es" if label.endswith(("s", "sh", "ch", "x")) else "s")
