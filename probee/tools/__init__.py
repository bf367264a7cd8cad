"""The tools, one file each: kernel-side programs, options, columns."""
