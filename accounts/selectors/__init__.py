"""Answers that join or aggregate."""
