"""Whom identity asks outside: senders of messages, and platforms that people sign in with."""
