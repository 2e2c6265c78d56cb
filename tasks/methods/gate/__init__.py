"""What may be believed of a scan that could be read, and what of a refused one may be shown."""
