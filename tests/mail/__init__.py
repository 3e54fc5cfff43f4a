"""The doors for returned mail."""
