"""Samklang's services and the facts that travel between them.

catalogue      municipalities, schools, rule books, terms, courses      -> enrolment, notifications, billing
enrolment      families, applications, queue, offers, places            -> catalogue, notifications, billing
notifications  mail, preferences, calendars                             (publishes nothing yet)
billing        budgets, cost shares, invoices, ledger                   -> notifications

chassis is what every service stands on and knows none of them; contracts is the language they share.
No service imports or calls another: it publishes facts, and keeps its own copy of what it needs.
"""
