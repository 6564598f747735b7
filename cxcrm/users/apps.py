from django.apps import AppConfig


class UsersConfig(AppConfig):
    name = "cxcrm.users"
    label = "users"
