"""The command line: arguments in, rows printed."""
