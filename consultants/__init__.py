"""Personal consultants, table groups, assignment, inquiries and callbacks. Nothing here yet."""
