"""The house in one process on a clock of its own: one seed decides who goes on, what breaks, and when."""
