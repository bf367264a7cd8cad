"""Python functions to a `CollectionSpec`: read pipeline.py first."""
