"""The worked examples of docs/rules.md: each block of YAML there is read here and run."""
