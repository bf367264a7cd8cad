"""The forms in which bpftool shows what is loaded, text and JSON, byte for byte."""
