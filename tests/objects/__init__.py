"""C programs of our own, and what compilers and the BPF linker make of them."""
