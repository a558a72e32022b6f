"""`topics`: the catalogue as a table."""

from rich.table import Table

from forecourt.console import out
from schemas.catalogue import CATALOGUE, DAY_MS, TOPICS, Topic


def topics() -> None:
    """Show every topic: its events, who writes it, who reads it, how long it keeps records.

    Example: `./forecourt topics`
    """
    table = Table("topic", "events", "key", "written by", "read by", "keeps", "partitions")
    for topic in TOPICS:
        events = "\n".join(entry.event.__name__ for entry in CATALOGUE if entry.topic == topic.name)
        readers = "\n".join(topic.consumers)
        table.add_row(topic.name, events, topic.key, topic.producer, readers, _kept(topic), str(topic.partitions))
    out.print(table)


def _kept(topic: Topic) -> str:
    return "newest per key" if topic.cleanup == "compact" else f"{topic.retention_ms / DAY_MS:g} days"
