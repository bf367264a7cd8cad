"""What probee knows of the kernel: one frozen row a thing, in tables to be read whole.

`helpers` functions that programs call, `maps` map types, `programs` program types with their
section names, `architectures` registers and syscall conventions, `syscalls` numbers and arguments.
Numbers and layouts alone stand in `probee.uapi`.
"""
