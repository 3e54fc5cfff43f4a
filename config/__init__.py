"""What operations write, and how it is read."""
