"""The daemon: time becomes work here."""
