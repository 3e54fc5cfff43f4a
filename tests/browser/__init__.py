"""Chromium on the real pages: the app with its pop-ups, and the page of the sandbox."""
