"""The command line: one small module a group of commands, put together in app.py."""
