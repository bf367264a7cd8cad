"""Ways of opening that need more than the C library: io_uring, and 32-bit system calls.

In: nothing. Out: code for a `Worker`, run before the tool begins, that defines the functions below;
each notes its call as `open_` and its kin do.

`uring(op, path, …)` opens by a request of io_uring (`op` 18 or 28) through its two system calls
and shared memory (linux/io_uring.h); `int80(number, …)` is the `int $0x80` instruction, in a page
that may be executed, with a name below 4 GiB; `x32(number, …)` has the x32 ABI's bit.
"""

from __future__ import annotations

URING = """
import mmap, select, struct
class Uring:
    def __init__(self, flags=0):
        params = ctypes.create_string_buffer(120)
        struct.pack_into('<I', params, 8, flags)
        struct.pack_into('<I', params, 16, 1000)  # a kernel thread that polls may idle 1 s
        self.fd = call(425, L(64), params)
        if self.fd < 0:
            raise OSError(-self.fd, 'io_uring_setup')
        words = struct.unpack('<30I', params)
        self.head, self.tail, self.mask, _, _, _, self.array = words[10:17]
        self.cq_head, self.cq_tail, self.cq_mask, _, _, self.cqes = words[20:26]
        size = max(self.array + words[0] * 4, self.cqes + words[1] * 16)
        self.ring = mmap.mmap(self.fd, size)
        self.sqes = mmap.mmap(self.fd, words[0] * 64, offset=0x10000000)
    def word(self, at):
        return struct.unpack_from('<I', self.ring, at)[0]
    def set(self, at, value):
        struct.pack_into('<I', self.ring, at, value & 0xffffffff)
    def submit(self, *sqes):
        tail = self.word(self.tail)
        for sqe in sqes:
            at = tail & self.word(self.mask)
            self.sqes[at * 64:at * 64 + 64] = sqe.ljust(64, b'\\0')
            self.set(self.array + 4 * at, at)
            tail += 1
        self.set(self.tail, tail)
        return call(426, L(self.fd), L(len(sqes)), L(0), L(2), None, L(0))
    def results(self, number):
        done = {}
        while len(done) < number:
            head = self.word(self.cq_head)
            if head == self.word(self.cq_tail):
                call(426, L(self.fd), L(0), L(1), L(1), None, L(0))
                continue
            at = self.cqes + 16 * (head & self.word(self.cq_mask))
            data, result = struct.unpack_from('<Qi', self.ring, at)
            done[data] = result
            self.set(self.cq_head, head + 1)
        return done
keep = []
rings = {}
def sqe(op, path, flags=0, mode=0, sqe_flags=0, slot=0, data=0):
    if isinstance(path, bytes):
        keep.append(ctypes.create_string_buffer(path))
        path = ctypes.addressof(keep[-1])
    how = 0
    if op == 28:
        keep.append((ctypes.c_uint64 * 3)(flags, mode, 0))
        how, flags, mode = ctypes.addressof(keep[-1]), 0, 24
    head = struct.pack('<BBHiQQII', op, sqe_flags, 0, -100, how, path, mode, flags)
    return head + struct.pack('<QHHI', data, 0, 0, slot)
def ring_of(setup):
    if setup not in rings:
        rings[setup] = Uring(setup)
    return rings[setup]
def uring(op, path, flags=0, mode=0, sqe_flags=0, slot=0, setup=0):
    ring = ring_of(setup)
    ring.submit(sqe(op, path, flags, mode, sqe_flags, slot))
    ret = ring.results(1)[0]
    name = path if isinstance(path, bytes) else None
    log.append(('uring', os.getpid(), name, ret, flags, mode))
    if ret >= 0 and not slot:
        os.close(ret)
    return ret
def slots(number, setup=0):
    empty = (ctypes.c_int32 * number)(*[-1] * number)
    assert call(427, L(ring_of(setup).fd), L(2), empty, L(number)) == 0
"""

INT80 = """
import mmap
page = mmap.mmap(-1, 4096, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, 7)
# int80(eax, ebx, ecx, edx, esi), called as C calls (edi, esi, edx, ecx, r8d):
# push rbx; mov eax, edi; mov ebx, esi; mov r9d, ecx; mov ecx, edx; mov edx, r9d; mov esi, r8d;
# int 0x80; pop rbx; movsxd rax, eax; ret
code = bytes.fromhex('53 89f8 89f3 4189c9 89d1 4489ca 4489c6 cd80 5b 4863c0 c3')
page[:len(code)] = code
raw80 = ctypes.CFUNCTYPE(ctypes.c_long, *[ctypes.c_uint32] * 5)(
    ctypes.addressof(ctypes.c_char.from_buffer(page)))
low = mmap.mmap(-1, 1 << 16, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, 3)  # MAP_32BIT
base80 = ctypes.addressof(ctypes.c_char.from_buffer(low))
def put80(data):
    low[:len(data)] = data
    return base80
AT80 = 0xffffff9c
def open80(path, flags=0, mode=0):
    return note('open', path, raw80(5, put80(path + b'\\0'), flags, mode, 0), flags, mode)
def creat80(path, mode=0):
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC
    return note('creat', path, raw80(8, put80(path + b'\\0'), mode, 0, 0), flags, mode)
def openat80(path, flags=0, mode=0):
    return note('openat', path, raw80(295, AT80, put80(path + b'\\0'), flags, mode), flags, mode)
def openat2_80(path, flags=0, mode=0):
    at = put80(bytes((ctypes.c_uint64 * 3)(flags, mode, 0)) + path + b'\\0')
    return note('openat2', path, raw80(437, AT80, at + 24, at, 24), flags, mode)
def by_handle80(flags=0, path=b'/etc/hostname'):
    handle = (ctypes.c_uint32 * 34)(128)
    mount = ctypes.c_int()
    call(303, L(-100), path, ctypes.byref(handle), ctypes.byref(mount), L(0))
    at = os.open('/', os.O_RDONLY)
    log.append(('openat', os.getpid(), b'/', at, os.O_RDONLY | os.O_CLOEXEC, 0))
    note('open_by_handle_at', None, raw80(342, at, put80(bytes(handle)), flags, 0), flags)
    os.close(at)
X32 = 0x40000000
def x32(path, flags=0, mode=0):
    return note('open', path, call(X32 | 2, path, L(flags), L(mode)), flags, mode)
"""
