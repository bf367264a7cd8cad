"""The ports of a TCP packet over IPv4, read from the task that holds it."""

from __future__ import annotations

from probee import (
    Array,
    Context,
    Struct,
    UserPtr,
    probe_read_user,
    raw_tracepoint,
    sizeof,
    u8,
    u16,
    u32,
    u64,
)

_START = b"\x45\x00\x00\x54\x12\x34"
_ADDRESSES = b"\0\0\x0a\0\0\1\x7f\0\0\2" + b"\x1f\x90\xc3\x50"
ARGUMENTS = {
    "packet": (
        "u64",
        (
            0,
            _START + b"\x40\0\x40\x06" + _ADDRESSES,
            _START + b"\x40\0\x40\x11" + _ADDRESSES.replace(b"\x7f", b"\x0b"),
            _START + b"\x40\0\x40\x01" + _ADDRESSES,
            _START + b"\x00\x08\x40\x06" + _ADDRESSES,
            b"\x60" + bytes(39),
            b"\x46" + bytes(39),
        ),
    ),
}


class Header(Struct):
    version_length: u8
    tos: u8
    total: u16
    id: u16
    fragment: u16
    ttl: u8
    protocol: u8
    sum: u16
    from_: u32
    to: u32
    source: u16
    dest: u16


seen = Array(u64, max_entries=4)


def ntohs(x: u16) -> u16:
    return x << 8 | x >> 8


def ntohl(x: u32) -> u32:
    return x << 24 | (x & 0xFF00) << 8 | x >> 8 & 0xFF00 | x >> 24


@raw_tracepoint("probee_codegen")
def program(ctx: Context) -> u32:
    h = Header(
        version_length=0,
        tos=0,
        total=0,
        id=0,
        fragment=0,
        ttl=0,
        protocol=0,
        sum=0,
        from_=0,
        to=0,
        source=0,
        dest=0,
    )
    packet: UserPtr = ctx.packet
    if probe_read_user(h, sizeof(Header), packet) != 0:
        seen[0] += 1
        return 0
    if h.version_length >> 4 != 4 or h.version_length & 15 != 5:
        return 1
    if h.protocol != 6 and h.protocol != 17:
        return 2
    if ntohs(h.fragment) & 0x1FFF:
        return 3
    seen[1] += ntohs(h.total)
    if ntohl(h.to) >> 24 == 127:
        seen[2] += 1
    return u32(ntohs(h.source)) << 16 | ntohs(h.dest)
