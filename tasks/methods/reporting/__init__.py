"""The report: what a study found, as one page that needs nothing else to be read."""
