"""`python -m tests.storm`; the sandbox's process has to find its code under another name than __main__."""

from tests.storm.full import main

main()
