"""CO-RE: what code asks of the kernel's structs, found in its BTF and written into the code."""
