"""Real processes of cxcrm for journeys and fault experiments.

`fixtures.deployment` puts a database, a broker and a mail server of their own around them. What
happened is read from the mail server's log, never from cxcrm's tables.
"""
