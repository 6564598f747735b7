"""One login for staff and customers: the lowest room of the house."""
