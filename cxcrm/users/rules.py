"""Who somebody is. What each role may do stands in the `rules` of the app that owns the thing."""

from functools import reduce
from operator import or_

import rules

from cxcrm.users.enums import Role


@rules.predicate
def is_staff(user) -> bool:
    return user.is_active and user.is_staff


def has_role(*roles: Role) -> rules.Predicate:
    """True for active staff in one of the roles; administrators hold every role."""
    membership = [rules.is_group_member(role.value) for role in (*roles, Role.ADMINISTRATOR)]
    return is_staff & reduce(or_, membership)


may_manage_users = has_role(Role.ADMINISTRATOR)

rules.add_perm("users", may_manage_users)
for action in ("view", "add", "change"):
    rules.add_perm(f"users.{action}_user", may_manage_users)
