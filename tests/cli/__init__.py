"""The command line as an operator uses it, on a real database."""
