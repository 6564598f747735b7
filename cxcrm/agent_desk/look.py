"""How the desk looks: the value of the `UNFOLD` setting."""

from django.templatetags.static import static

UNFOLD = {
    "SITE_TITLE": "cxcrm",
    "SITE_HEADER": "cxcrm",
    "SITE_SYMBOL": "anchor",
    "SITE_URL": None,
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    # Without it browsers ask at the root, through Django, on each page.
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("cxcrm/mark.svg"),
        }
    ],
    "STYLES": [lambda request: static("agent_desk/desk.css")],
    "DASHBOARD_CALLBACK": "cxcrm.agent_desk.dashboard.add_dashboard",
    "SIDEBAR": {"navigation": "cxcrm.agent_desk.navigation.navigation"},
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.6)",
            "100": "oklch(93.2% .032 255.6)",
            "200": "oklch(88.2% .059 254.1)",
            "300": "oklch(80.9% .105 251.8)",
            "400": "oklch(70.7% .165 254.6)",
            "500": "oklch(62.3% .214 259.8)",
            "600": "oklch(54.6% .245 262.9)",
            "700": "oklch(48.8% .243 264.4)",
            "800": "oklch(42.4% .199 265.6)",
            "900": "oklch(37.9% .146 265.5)",
            "950": "oklch(28.2% .091 267.9)",
        }
    },
}
