"""Does a daemon that runs for months stay the size it was?"""
