"""DICOM: files parsed without recursion, series that form volumes, and regions drawn on them."""
