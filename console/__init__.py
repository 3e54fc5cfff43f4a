"""What people see: command line and HTTP."""
