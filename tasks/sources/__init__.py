"""Where bytes come from: folders and zip files, and the patterns that read facts from names."""
