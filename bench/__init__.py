"""probee beside its peers, measured: `make bench`. Numbers for people, never asserted in tests."""
