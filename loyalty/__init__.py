"""Membership, points, rewards, community, process links and advocacy. Nothing here yet."""
