"""Kabar under faults: what is killed, cut, stopped and starved, and what must hold all the same."""
