"""The real programs of the end-to-end tests: how each is started, asked and stopped. Decides nothing about sessions."""
