"""What the audit finds in what was sent."""
