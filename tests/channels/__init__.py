"""Channels against real sockets: servers that misbehave, and the sandbox."""
