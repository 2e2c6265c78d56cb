"""When and on what machine studies run."""
