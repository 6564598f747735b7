from unfold.sites import UnfoldAdminSite


class AgentDesk(UnfoldAdminSite):
    """The service agents' door."""
