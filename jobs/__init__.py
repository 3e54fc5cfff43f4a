"""The background work: each module one job."""
