from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.services.brands import add_brand


class Command(BaseCommand):
    help = "Adds a brand: a business under its own name, as its customers see it in mails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", help="short name, used in feeds and commands")
        parser.add_argument("--name", required=True)
        parser.add_argument("--legal-name", required=True, help="like Example Hosting GmbH")
        parser.add_argument(
            "--imprint", required=True, help="postal address and register entry, below every mail"
        )
        parser.add_argument("--base-url", required=True, help="like https://www.example.com")
        parser.add_argument("--sender-address", required=True, help="mails come from here")
        parser.add_argument("--sender-name", help="the brand's name by default")
        parser.add_argument(
            "--service-address", help="answers to mails go here; the sender address by default"
        )
        parser.add_argument("--service-phone", default="")
        parser.add_argument("--accent-colour", metavar="#RRGGBB", default="#1d4ed8")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            brand = add_brand(
                code=options["code"],
                name=options["name"],
                legal_name=options["legal_name"],
                imprint=options["imprint"],
                base_url=options["base_url"],
                sender_name=options["sender_name"] or options["name"],
                sender_address=options["sender_address"],
                service_address=options["service_address"] or options["sender_address"],
                service_phone=options["service_phone"],
                accent_colour=options["accent_colour"],
            )
        except ValidationError as error:
            raise CommandError(
                "\n".join(
                    f"{field}: {' '.join(messages)}"
                    for field, messages in error.message_dict.items()
                )
            ) from None
        self.stdout.write(f"Added brand {brand.code}.")
