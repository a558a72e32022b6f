"""How events become the documents of views, a file per view."""
