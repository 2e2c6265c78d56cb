"""An invented cohort with planted truths, written as true DICOM files: for the demonstration and the tests."""
