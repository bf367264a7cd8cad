"""The running kernel: system calls, tracefs, BTF, capabilities, and what it can do.

Nothing here decides by the kernel's version number: what is not known is probed.
"""
