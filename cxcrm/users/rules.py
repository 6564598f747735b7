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


@rules.predicate
def is_no_superuser(user, other) -> bool:
    """Superusers are out of everybody else's reach, or a role could become more than it is."""
    return other is None or not other.is_superuser


may_manage_users = has_role(Role.ADMINISTRATOR)

rules.add_perm("users", may_manage_users)
rules.add_perm("users.view_user", may_manage_users)
rules.add_perm("users.add_user", may_manage_users)
rules.add_perm("users.change_user", may_manage_users & is_no_superuser)
