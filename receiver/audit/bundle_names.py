"""Where things stand in a bundle. Pure."""

from receiver.audit.bundle_facts import Item

_NAMES = {"order_json": "order.json", "params": "params.json", "tags": "tags.json", "links": "links.json"}


def place(item: Item) -> str:
    """The folder of an entry."""
    return f"trail/{item.n:09d}-{item.kind}"


def file_of(item: Item, name: str) -> str:
    """The file of a hidden field that is shown."""
    return f"{place(item)}/{_NAMES.get(name, f'{name}.txt')}"
