"""Whether and when: pure functions over frozen values, no I/O."""
