"""CollectionSpec <-> BPF ELF object, as clang makes them and libbpf reads them."""
