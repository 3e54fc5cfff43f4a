"""Mail that comes back: an LMTP port and a maildir, both of which keep a mail before they let go of it."""
