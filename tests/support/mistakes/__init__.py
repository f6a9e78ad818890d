"""Mistakes that people make, each in a small project, with what the message must say."""
