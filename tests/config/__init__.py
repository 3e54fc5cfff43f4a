"""What operations write."""
