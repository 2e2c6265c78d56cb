"""The table of a study: measurements and clinical facts of a patient side by side."""
