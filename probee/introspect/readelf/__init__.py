"""ELF64 files in the words of GNU readelf 2.44, damaged files included.

In: the bytes of a file, and what is wanted of it (`Shown`).
Out: a `Transcript`: text for standard output and messages for standard error, in order, byte for
byte as readelf writes them. `process.py` is the order of things; read it first.

Numbers are taken as they stand in the file and checked only where readelf checks them. What
readelf shows and this does not is an error, never left out. Text is `str` of one character a byte.
"""
