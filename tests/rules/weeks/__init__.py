"""The oracle of whole weeks: a second set of rules that shares no code with the first, weeks to try both on, planted bugs."""
