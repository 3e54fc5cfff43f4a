"""How a message leaves: no database, no clock."""
