"""A BPF object explained to a person, and what a kernel will make of it: rows, and no printing."""
