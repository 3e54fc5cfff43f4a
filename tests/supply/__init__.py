"""What Kabar is built of: pinned, licensed, listed, and looked up among known vulnerabilities. `python -m tests.supply` in CI."""
