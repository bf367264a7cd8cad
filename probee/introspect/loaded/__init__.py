"""What is loaded in the running kernel, as rows: programs, maps, links, BTF, and who holds them."""
