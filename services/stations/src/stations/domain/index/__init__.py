"""All stations in memory, as columns: what the searches read. Pure: it is told what changes and asked what is near."""
