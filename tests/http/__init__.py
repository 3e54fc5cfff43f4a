"""The HTTP face over a real socket and a real database."""
