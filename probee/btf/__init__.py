"""BTF, the kernel's compact type format: bytes in, types out, and back. Nothing here opens a file.

    kinds, types     the 19 kinds by number and as frozen records
    raw, decode      header, sections and one record, strictly parsed
    table, reader    `Btf(data)`: types by id, decoded when asked for
    index            `build_index`, `IndexedBtf`: the same over a kernel's 5 MB, at once
    check, compare   is this blob well-formed; are two types equivalent or compatible
    encode, writer   records to bytes; `BtfBuilder` makes the BTF of programs and maps
    mapdef           a map as libbpf's `.maps` convention describes it
    ext              func_info, line_info and CO-RE records; the `.BTF.ext` section
    flat             all types as lists side by side, for those who go through all of them
    c_dump           types as C, as libbpf writes them; c_order, c_declare, c_layout, c_names and
                     c_sort are its parts
    lower            the same ids, in kinds that an older kernel takes
    codec            Python values to and from bytes laid out by a BTF type

Not here: deduplication across several objects (pahole's and libbpf's job when they link them).
Split BTF, which a kernel module has on top of vmlinux's, is refused as dangling ids by all but
`flat`.
"""
