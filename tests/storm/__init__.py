"""The storm: every channel, every fault, and a judge that holds our books against the providers' own."""
