"""The promises, each with the test that keeps it."""
