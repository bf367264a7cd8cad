"""Route netlink: what the kernel tells of interfaces, queueing disciplines and filters.

In: a question, as a message type and a fixed header. Out: for each answer its header and the
attributes behind it, by number. The formats: include/uapi/linux/netlink.h, rtnetlink.h, if_link.h,
pkt_sched.h (Linux 6.18); numbers are held against the installed headers by a test.
"""

from __future__ import annotations

from _socket import AF_NETLINK, SOCK_CLOEXEC, SOCK_RAW, socket
from struct import Struct
from sys import byteorder

from probee.errors import FormatError, KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self, TypeAlias

    Attributes: TypeAlias = dict[int, bytes]

NETLINK_ROUTE = 0

# Questions that are answered with all there is.
RTM_GETLINK, RTM_GETQDISC, RTM_GETTCLASS, RTM_GETTFILTER = 18, 38, 42, 46

AF_PACKET = 17
IFLA_IFNAME, IFLA_XDP = 3, 43
IFLA_XDP_ATTACHED, IFLA_XDP_PROG_ID = 2, 4
IFLA_XDP_DRV_PROG_ID, IFLA_XDP_SKB_PROG_ID, IFLA_XDP_HW_PROG_ID = 5, 6, 7
XDP_ATTACHED_DRV, XDP_ATTACHED_SKB, XDP_ATTACHED_HW, XDP_ATTACHED_MULTI = 1, 2, 3, 4

TCA_KIND, TCA_OPTIONS = 1, 2
TCA_BPF_ACT, TCA_BPF_NAME, TCA_BPF_ID = 1, 7, 11
TCA_ACT_KIND, TCA_ACT_OPTIONS = 1, 2
TCA_ACT_BPF_PARMS, TCA_ACT_BPF_NAME, TCA_ACT_BPF_ID = 2, 6, 9
TC_H_ROOT, TC_H_CLSACT = 0xFFFFFFFF, 0xFFFFFFF1
TC_H_MIN_INGRESS, TC_H_MIN_EGRESS = 0xFFF2, 0xFFF3

_NLM_F_REQUEST, _NLM_F_DUMP, _NLM_F_MULTI = 1, 0x300, 2
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLA_TYPE_MASK = 0x3FFF  # without NLA_F_NESTED and NLA_F_NET_BYTEORDER

_HEADER = Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_ATTRIBUTE = Struct("=HH")  # struct nlattr: length, type
IFINFO = Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, changed
TCMSG = Struct("=BxxxiIII")  # struct tcmsg: family, index, handle, parent, info

_LONGEST = 1 << 16  # bytes of one answer; the kernel sends at most 32 KiB at once


class Netlink:
    """A socket to ask through. Close it, or use it in a `with`. Raises KernelError."""

    __slots__ = ("_sequence", "_socket")

    def __init__(self) -> None:
        try:
            self._socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE)
            self._socket.bind((0, 0))
        except OSError as error:
            raise KernelError("open a netlink socket", error.errno or 0) from error
        self._sequence = 0

    def close(self) -> None:
        """Closes the socket. May be called again."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def links(self) -> Iterator[tuple[int, Attributes]]:
        """Every interface of this network namespace: its index, its attributes (IFLA_*)."""
        for header, attributes in self._all(RTM_GETLINK, IFINFO, (AF_PACKET, 0, 0, 0, 0)):
            yield header[2], attributes

    def traffic(
        self, question: int, interface: int, parent: int = 0
    ) -> Iterator[tuple[int, int, Attributes]]:
        """What traffic control has: of each its interface, its handle, its attributes (TCA_*).

        `question`: RTM_GETQDISC, which is answered for all interfaces; RTM_GETTCLASS, for one; or
        RTM_GETTFILTER, for one `parent` of one.
        """
        for header, attributes in self._all(question, TCMSG, (0, interface, 0, parent, 0)):
            yield header[1], header[2], attributes

    def _all(
        self, question: int, form: Struct, values: tuple[int, ...]
    ) -> Iterator[tuple[tuple[int, ...], Attributes]]:
        """All answers to one question. They are read to the end before the first is given."""
        self._sequence += 1
        length = _HEADER.size + form.size
        flags = _NLM_F_REQUEST | _NLM_F_DUMP
        header = _HEADER.pack(length, question, flags, self._sequence, 0)
        found: list[tuple[tuple[int, ...], Attributes]] = []
        try:
            self._socket.send(header + form.pack(*values))
            while self._take(self._socket.recv(_LONGEST), form, found):
                pass
        except OSError as error:
            raise KernelError("ask through netlink", error.errno or 0) from error
        yield from found

    def _take(
        self, data: bytes, form: Struct, found: list[tuple[tuple[int, ...], Attributes]]
    ) -> bool:
        """Adds the messages in `data`; whether more follow."""
        more = False
        for kind, flags, body in messages(data, self._sequence):
            if kind == _NLMSG_DONE:
                return False
            if kind == _NLMSG_ERROR:
                code = int.from_bytes(body[:4], byteorder, signed=True)
                if code:
                    raise KernelError("ask through netlink", -code)
                continue
            more = more or bool(flags & _NLM_F_MULTI)
            if len(body) < form.size:
                raise FormatError(f"netlink: a message of {len(body)} bytes is too short")
            found.append((form.unpack_from(body), attributes(body[form.size :])))
        return more


def messages(data: bytes, sequence: int) -> Iterator[tuple[int, int, bytes]]:
    """The messages of one datagram that answer question `sequence`: type, flags, what follows."""
    at = 0
    while at + _HEADER.size <= len(data):
        length, kind, flags, answers, _ = _HEADER.unpack_from(data, at)
        if not _HEADER.size <= length <= len(data) - at:
            raise FormatError(f"netlink: a message of {length} bytes in {len(data) - at}")
        if answers == sequence:
            yield kind, flags, data[at + _HEADER.size : at + length]
        at += length + 3 & ~3


def attributes(data: bytes) -> Attributes:
    """Attributes by number; of one that is there twice the last. Raises FormatError."""
    found: Attributes = {}
    at = 0
    while at + _ATTRIBUTE.size <= len(data):
        length, number = _ATTRIBUTE.unpack_from(data, at)
        if not _ATTRIBUTE.size <= length <= len(data) - at:
            raise FormatError(f"netlink: an attribute of {length} bytes in {len(data) - at}")
        found[number & _NLA_TYPE_MASK] = data[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    return found


def text(value: bytes) -> str:
    """An attribute that is a name; bytes that are no UTF-8 as surrogates."""
    return value.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def number(value: bytes) -> int:
    """An attribute that is a number of this machine's byte order."""
    return int.from_bytes(value, byteorder)
