"""What every resource of the REST API is made of. `cxcrm.api` puts the resources of the apps
together, and lets keys in."""
