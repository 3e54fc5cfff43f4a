"""What is promised of a bad day, tried on real processes: they are killed, stopped and cut off, and the provider's own log is the truth."""
