"""Attacks on what comes from outside, each seen to fail."""
