"""Peers that this machine's own packages do not have: fetched, kept in a cache, run from there."""
