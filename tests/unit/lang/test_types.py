"""Struct classes: what their bodies may say, on every Python."""

from __future__ import annotations

from typing import Any

import pytest

from probee.errors import UsageError
from probee.frozen import FrozenMeta
from probee.lang.types import Chars, Struct, StructMeta, array, chars, u16, u32, u64
from probee.spec.types import ArrayOf, CharArray


def test_a_default_is_refused_and_not_dropped() -> None:
    with pytest.raises(UsageError, match=r"Wrong\.pid: a field has no default, and 7 is one"):

        class Wrong(Struct):
            pid: u32 = 7

    with pytest.raises(UsageError, match=r"Odd\.pid: a field has no default"):

        class Odd(Struct):
            pid: u32 = chars(16)  # type: ignore[assignment]

    class Right(Struct):
        name: Chars = chars(16)

    assert Right.layout_.fields[0].type == CharArray(16)


def test_a_class_of_no_module() -> None:
    """As exec() makes it, with globals of its own."""
    scope: dict[str, Any] = {"Struct": Struct, "u32": u32, "__name__": "nowhere"}
    source = "from __future__ import annotations\nclass S(Struct):\n    a: u32\n"
    with pytest.raises(UsageError, match="'u32' is not a name of module nowhere"):
        exec(source, scope)


def body(annotations: dict[str, Any], key: str) -> dict[str, Any]:
    """A class body as Python 3.14 hands it over, where annotations are not text."""

    def annotate(format: int) -> dict[str, Any]:
        if format != 1:
            raise NotImplementedError
        return annotations

    return {"__module__": __name__, "__qualname__": "Made", key: annotate}


@pytest.mark.parametrize("key", ["__annotate_func__", "__annotate__"])
def test_annotations_of_python_3_14(key: str) -> None:
    made = StructMeta("Made", (Struct,), body({"pid": u32, "at": u64}, key))
    assert [(field.name, field.offset) for field in made.layout_.fields] == [("pid", 0), ("at", 8)]
    fields: Any = FrozenMeta("Made", (), body({"a": int, "b": int}, key))
    assert fields.__match_args__ == fields.__slots__ == ("a", "b")


@pytest.mark.parametrize(
    ("element", "count", "complaint"),
    [
        (u32, 0, "1 to 4096 elements"),
        (u32, True, "1 to 4096 elements"),
        (u32, 4097, "1 to 4096 elements"),
        (u64, 4096, "16384 is the most"),
        (int, 4, "int has no width"),
        (list[int], 4, "a list needs its length"),
    ],
)
def test_arrays_that_cannot_be(element: object, count: int, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        array(element, count)


def test_an_array_says_the_same_on_both_sides() -> None:
    class Right(Struct):
        slots: list[u32] = array(u32, 3)

    type_ = Right.layout_.fields[0].type
    assert isinstance(type_, ArrayOf)
    assert (type_.count, type_.size) == (3, 12)

    with pytest.raises(UsageError, match=r"Wrong\.slots: the annotation and array"):

        class Wrong(Struct):
            slots: list[u32] = array(u16, 3)

    with pytest.raises(UsageError, match=r"Short\.slots: a list needs its length"):

        class Short(Struct):
            slots: list[u32]

    with pytest.raises(UsageError, match=r"Bare\.slots: an array is a list"):

        class Bare(Struct):
            slots: u32 = array(u32, 3)


def test_a_field_takes_no_methods_name() -> None:
    with pytest.raises(UsageError, match=r"Wrong\.submit: every Struct has a submit of its own"):

        class Wrong(Struct):
            submit: u32  # type: ignore[assignment]


def test_a_field_is_given_once() -> None:
    class Pair(Struct):
        a: u32
        b: u32

    assert Pair(1, b=2) == Pair(a=1, b=2)
    with pytest.raises(TypeError, match=r"Pair got \['a'\] twice"):
        Pair(1, a=2)
