"""Who may let integrations in; `docs/roles.md` shows it as a table."""

import rules

from cxcrm.users.enums import Role
from cxcrm.users.rules import has_role, is_staff

may_manage_keys = has_role(Role.ADMINISTRATOR)

rules.add_perm("api", may_manage_keys)
rules.add_perm("api.view_apikey", may_manage_keys)
rules.add_perm("api.add_apikey", may_manage_keys)
rules.add_perm("api.change_apikey", may_manage_keys)
rules.add_perm("api.read_docs", is_staff)
