"""Customers, contacts, products, contracts, their timeline, tasks and renewals."""
