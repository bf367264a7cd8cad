"""The kernel tests under other kernels, booted in an emulator: see __main__.py and docs/testing.md.

In: kernels of Debian's suites (kernels.py), fetched with apt and kept (packages.py). Each is booted
with the host's own files seen from inside (boot.py), where inside.py compares the feature probes
with what the tables say (features.py) and runs the tests that selection.py names. Out: one table of
all kernels (report.py).
"""
