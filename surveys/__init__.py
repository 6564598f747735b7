"""Surveys, waves, responses, follow-up cases and action plans. Nothing here yet."""
