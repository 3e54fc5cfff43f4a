"""Whether and when: examples of each rule, and properties against a naive second implementation."""
