"""Plain ELF64, reading and writing, of both byte orders; knows nothing of BPF.

`raw` turns tables into records and back without judging them, `read` is strict, `write` makes
relocatable files.
"""
