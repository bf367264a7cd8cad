"""Random types that a compiler could have written: structs with holes, bit fields and inner
structs, names that collide, chains of declarators.

In: a seed. Out: a BTF blob of little-endian order. tests/oracle/test_btf_dump.py prints it
beside bpftool.
"""

from __future__ import annotations

import random

from probee.btf.types import Enum, Enum64, Enumerator, Member, Struct, Union
from probee.btf.writer import BtfBuilder

NAMES = ("a", "b", "pair", "node", "list", "state", "key_t", "value", "x", "flags")
INTS = (
    ("char", 1), ("unsigned char", 1), ("short", 2), ("int", 4), ("unsigned int", 4), ("long", 8),
    ("unsigned long", 8), ("long long", 8), ("__int128", 16), ("_Bool", 1),
)  # fmt: skip


class Maker:
    """Types one after the other; a type refers to those before it, and by pointer to any."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.builder = BtfBuilder()
        self.values: list[int] = []  # have a size
        self.sizes: dict[int, int] = {}
        for name, size in self.random.sample(INTS, 7):
            self.value(
                self.builder.int_(name.replace(" ", "_"), size, signed="un" not in name), size
            )
        if self.random.random() < 0.5:
            self.value(self.builder.float_("double", 8), 8)
        self.later = [self.builder.reserve() for _ in range(self.random.randrange(4))]
        self.targets = [0, *self.values, *self.later]

    def value(self, id: int, size: int) -> int:
        self.values.append(id)
        self.sizes[id] = size
        return id

    def name(self) -> str:
        return self.random.choice(NAMES)

    def step(self) -> None:
        kind = self.random.choice(
            ("struct", "struct", "struct", "union", "enum", "typedef", "pointer", "pointer",
             "array", "function", "const", "fwd", "tag", "void typedef")
        )  # fmt: skip
        b, random_ = self.builder, self.random
        target = random_.choice(self.targets)
        value = random_.choice(self.values)
        name = self.name() if random_.random() < 0.7 else ""
        match kind:
            case "struct" | "union":
                self.targets.append(self.composite(name, union=kind == "union"))
            case "enum":
                self.targets.append(self.enum(name))
            case "typedef":
                id = b.typedef(self.name(), value)
                self.targets.append(self.value(id, self.sizes[value]))
            case "void typedef":
                self.targets.append(b.typedef(self.name(), target))
            case "pointer":
                self.targets.append(self.value(b.ptr(target), 8))
            case "array":
                count = random_.randrange(4)
                self.value(b.array(value, count), self.sizes[value] * count)
            case "function":
                params = [
                    (self.name(), random_.choice(self.values)) for _ in range(random_.randrange(4))
                ]
                proto = b.func_proto(target, params, variadic=random_.random() < 0.2)
                self.targets.append(proto)
                self.targets.append(self.value(b.ptr(proto), 8))
            case "const":
                make = random_.choice((b.const, b.volatile))
                self.targets.append(self.value(make(value), self.sizes[value]))
                self.targets.append(make(target))
            case "tag":
                self.targets.append(self.value(b.ptr(b.type_tag("user", target)), 8))
            case _:
                self.targets.append(b.fwd(self.name(), union=random_.random() < 0.3))

    def enum(self, name: str) -> int:
        random_ = self.random
        size = random_.choice((1, 2, 4, 4, 4, 8))
        wide = random_.random() < 0.3
        top = 63 if wide else 31
        signed = random_.random() < 0.3
        rows = []
        for at in range(random_.randrange(0 if name else 1, 4)):
            value = random_.choice((at, random_.randrange(1 << top), (1 << top) - 1))
            rows.append(Enumerator(f"{self.name()}_{at}".upper(), -value if signed else value))
        id = self.builder.add((Enum64 if wide else Enum)(name, size, tuple(rows), signed))
        return self.value(id, size)

    def composite(self, name: str, *, union: bool, id: int | None = None) -> int:
        random_, at = self.random, 0
        members: list[Member] = []
        end = 0
        for _ in range(random_.randrange(6)):
            type_ = random_.choice(self.values)
            size = self.sizes[type_]
            bits = 0
            if union:
                at = 0
            elif random_.random() < 0.6 and size:  # where a compiler would put it
                at = -(-at // (8 * min(size, 8))) * 8 * min(size, 8)
            else:
                at = -(-at // 8) * 8 + 8 * random_.randrange(3)
            if type_ in self.values[:7] and random_.random() < 0.3 and size <= 8:
                bits = random_.randrange(1, size * 8)
                at += 0 if union else random_.randrange(3)
            member = "" if random_.random() < 0.1 else f"{self.name()}{len(members)}"
            members.append(Member(member, type_, at, bits))
            at += bits or size * 8
            end = max(end, at)
        size = -(-end // 8)
        size = -(-size // 8) * 8 if random_.random() < 0.5 else size + random_.randrange(3)
        made = (Union if union else Struct)(name, size, tuple(members))
        if id is not None:
            self.builder.define(id, made)
            return id
        return self.value(self.builder.add(made), size)


def random_btf(seed: int) -> bytes:
    """A blob of some 60 types."""
    maker = Maker(seed)
    for _ in range(50):
        maker.step()
    for number, id in enumerate(maker.later):
        maker.composite(f"late{number}", union=number == 2, id=id)
    return maker.builder.build()
