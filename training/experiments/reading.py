"""YAML to configuration: strict keys, `key.sub=value` on top, and one line for whatever is wrong."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from ...memory import RewatchError
from ...memory.files.regular import read_text
from .config import Run, Trainer

_Run = TypeVar("_Run", bound=Run)


class ConfigError(RewatchError):
    """A configuration that cannot be used; the text is `file: key what is wrong, what is allowed`."""

    exit_code = 2


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML in which `1e-4` is a number, as people write it."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+"), list("-+.0123456789")
)


def read_config(into: type[_Run], source: str | Path | Mapping[str, Any], overrides: Sequence[str] = ()) -> _Run:
    """The configuration of a file, or of plain values, with `key.sub=value` put on top.

    Raises:
        ConfigError: in one line: file, key, what is allowed.
    """
    place = "configuration" if isinstance(source, Mapping) else str(source)
    values = dict(source) if isinstance(source, Mapping) else _load(Path(source))
    for text in overrides:
        values = _overridden(values, text)
    made = _read(into, values, "", place)
    assert isinstance(made, into)
    return made


def as_yaml(config: Run) -> str:
    """The whole configuration, defaults included, as `read_config` takes it."""
    row = _plain(asdict(config))
    row["trainer"] |= row["trainer"].pop("settings")
    return str(yaml.safe_dump(row, sort_keys=False, allow_unicode=True, width=110))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def _load(path: Path) -> dict[str, Any]:
    try:
        values = yaml.load(read_text(path), _Loader)  # noqa: S506 (it is a SafeLoader)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); give a YAML file.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not text"
        raise ConfigError(f"{path}:{where} is no YAML ({problem}).") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: is {_kind(values)}; write sections: policy, tasks, trainer and so on.")
    return values


def _overridden(values: Mapping[str, Any], text: str) -> dict[str, Any]:
    """The values with one of them set."""
    key, mark, written = text.partition("=")
    if not mark or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
        raise ConfigError(f"{text}: write key.sub=value, for example trainer.steps=100.")
    try:
        value = yaml.load(written, _Loader)  # noqa: S506
    except yaml.YAMLError:
        raise ConfigError(f"{text}: the value is no YAML; put it in quotes.") from None

    def put(into: Any, path: Sequence[str]) -> dict[str, Any]:
        inner = dict(into) if isinstance(into, Mapping) else {}
        inner[path[0]] = value if len(path) == 1 else put(inner.get(path[0]), path[1:])
        return inner

    return put(values, key.split("."))


def _read(into: type, values: Any, key: str, place: str) -> Any:
    """A dataclass of a mapping."""
    if not isinstance(values, Mapping):
        names = ", ".join(f.name for f in fields(into))
        raise _wrong(place, f"{key} is {_kind(values)}; write its keys: {names}.")
    hints, given = get_type_hints(into), dict(values)
    known = {f.name: f for f in fields(into)}
    if into is Trainer:  # what is not its own is the engine's, and checked against that
        known.pop("settings")
        own = {name: given.pop(name) for name in list(given) if name in known}
        own["settings"], given = {str(name): value for name, value in given.items()}, own
        known = {f.name: f for f in fields(into)}
    for name in given:
        if name not in known:
            raise _wrong(place, f"{_at(key, name)} {unknown(str(name), known)}")
    for name, f in known.items():
        if name not in given and f.default is MISSING and f.default_factory is MISSING:
            raise _wrong(place, f"{_at(key, name)} is missing; write it.")
    return into(**{name: _value(hints[name], value, _at(key, name), place) for name, value in given.items()})


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say of a key that is not known."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    meant = f"did you mean {near[0]}? " if near else ""
    shown = names if len(names) <= 24 else [*difflib.get_close_matches(name, names, 8, 0.3), "…"]
    return f"is not known; {meant}Allowed: {', '.join(shown)}."


def _value(hint: Any, value: Any, key: str, place: str) -> Any:
    """The value as its field's type."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        if value is None and type(None) in inner:
            return None
        (hint,) = (part for part in inner if part is not type(None))
        return _value(hint, value, key, place)
    if is_dataclass(hint):
        return _read(hint, value, key, place)  # type: ignore[arg-type]
    if origin is Literal:
        if value not in inner:
            raise _wrong(place, f"{key} is {value!r}; write {' or '.join(map(str, inner))}.")
        return value
    if origin is tuple:
        if isinstance(value, str) or not isinstance(value, (list, tuple)):
            raise _wrong(place, f"{key} is {_kind(value)}; write a list: [one, two].")
        return tuple(_value(inner[0], item, f"{key}[{n}]", place) for n, item in enumerate(value))
    if origin is Mapping or origin is dict:
        if not isinstance(value, Mapping):
            raise _wrong(place, f"{key} is {_kind(value)}; write keys with values.")
        return {str(k): _value(inner[1], v, _at(key, str(k)), place) for k, v in value.items()}
    if hint is Any:
        return value
    return _scalar(hint, value, key, place)


_WANTED = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def _scalar(hint: Any, value: Any, key: str, place: str) -> Any:
    right = isinstance(value, hint) and not (hint is int and isinstance(value, bool))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not right:
        raise _wrong(place, f"{key} is {_kind(value)} ({value!r}); write {_WANTED[hint]}.")
    return value


def settings_of(into: type, values: Mapping[str, Any], *, without: Iterable[str] = ()) -> dict[str, Any]:
    """Settings of an engine's own dataclass, as `trainer` holds them; strict as everything is.

    Raises:
        ConfigError: if a key is unknown, or of another type.
    """
    hints = get_type_hints(into)
    known = [f.name for f in fields(into) if f.name not in set(without)]
    made = {}
    for name, value in values.items():
        if name not in known:
            raise ConfigError(f"trainer.{name} {unknown(name, [*_TRAINER, *known])}")
        made[name] = _value(hints[name], value, f"trainer.{name}", "")
    return made


def _wrong(place: str, text: str) -> ConfigError:
    return ConfigError(f"{place}: {text}" if place else text)


_TRAINER = ("engine", "steps", "evaluate_every", "save_every")


def _at(key: str, name: str) -> str:
    return f"{key}.{name}" if key else str(name)


def _kind(value: Any) -> str:
    names: dict[type, str] = {
        bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "keys",
        type(None): "empty",
    }  # fmt: skip
    return names.get(type(value), type(value).__name__)
