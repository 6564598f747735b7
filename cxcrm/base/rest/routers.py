from rest_framework.routers import Route, SimpleRouter


class ResourceRouter(SimpleRouter):
    """Also leads PUT on a list to `upsert`: the natural key is in the body, not in the address."""

    routes = [
        route._replace(mapping=route.mapping | {"put": "upsert"})
        if isinstance(route, Route) and route.name == "{basename}-list"
        else route
        for route in SimpleRouter.routes
    ]
