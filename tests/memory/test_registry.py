"""Look-up by name and its one error."""

from __future__ import annotations

import pickle

import pytest
from rewatch.memory.errors import RewatchError
from rewatch.memory.registry import Registry, UnknownNameError, did_you_mean, require_name, unknown_name

FRUITS = Registry("fruit", {"apple": 1, "pear": 2})


def test_an_unknown_name_lists_the_known_ones_and_the_closest() -> None:
    with pytest.raises(UnknownNameError) as raised:
        FRUITS["aple"]
    assert str(raised.value) == "There is no fruit 'aple'; there are apple, pear. Did you mean apple?"
    assert isinstance(raised.value, RewatchError) and isinstance(raised.value, ValueError)
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


def test_it_is_a_mapping() -> None:
    assert FRUITS["pear"] == 2 and list(FRUITS) == ["apple", "pear"] and len(FRUITS) == 2
    assert "apple" in FRUITS and "fig" not in FRUITS and 3 not in FRUITS
    assert FRUITS.get("fig") is None


def test_messages() -> None:
    assert require_name("fruit", "pear", FRUITS) == "pear"
    assert unknown_name("fruit", "zzz", []) == "There is no fruit 'zzz'; there are none."
    assert did_you_mean(["Apple"], "APPLE") == " Did you mean Apple?" and did_you_mean(["apple"], "apple") == ""
