"""What tools share on the kernel side, written in the kernel language."""
