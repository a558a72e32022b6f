"""What goes out of the service: files in their formats, and mails."""
