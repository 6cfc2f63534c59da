"""Notifications: mail to families and finance, their preferences, and calendar files."""
