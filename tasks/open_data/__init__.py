"""Getting open data sets: over https, from NCI Imaging Data Commons, out of a Python package."""
