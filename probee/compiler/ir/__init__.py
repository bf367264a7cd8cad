"""The compiler's intermediate representation: operations, builder, printer, verifier."""
