"""Machines that open the links in mails: they follow what they find, and send each form."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

from django.test import Client

OWN_PAGES = "/renewal/"


@dataclass
class FoundForm:
    action: str
    fields: dict[str, str] = field(default_factory=dict)


class FormFinder(HTMLParser):
    """The forms of a page with what stands in their fields, and the links to further pages."""

    def __init__(self, path: str, html: str, *, fill_in: str = "") -> None:
        super().__init__()
        self.path = path
        self.fill_in = fill_in
        self.forms: list[FoundForm] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(FoundForm(urljoin(self.path, found.get("action", ""))))
        elif tag == "a" and found.get("href", "").startswith(OWN_PAGES):
            self.links.append(found["href"])
        elif tag in ("input", "select", "textarea") and self.forms and found.get("name"):
            value = found.get("value") or ("" if found.get("type") == "hidden" else self.fill_in)
            self.forms[-1].fields[found["name"]] = value


def crawl(client: Client, path: str, *, method: str = "get") -> list[tuple[str, str]]:
    """Open a page and all of its own kind that it leads to; answers paths and texts."""
    waiting, seen = [path], {}
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen[path] = getattr(client, method)(path, follow=True).content.decode()
        waiting += FormFinder(path, seen[path]).links
    return list(seen.items())


def send_all_forms(client: Client, pages: list[tuple[str, str]], *, fill_in: str, **meta) -> int:
    """Send every form of these pages; answers how many there were."""
    forms = [form for page in pages for form in FormFinder(*page, fill_in=fill_in).forms]
    for form in forms:
        client.post(form.action, form.fields, **meta)
    return len(forms)
