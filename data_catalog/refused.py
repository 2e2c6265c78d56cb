"""What is quarantined: by subject and name, what it means and what to do."""

from __future__ import annotations

REFUSED: dict[str, dict[str, tuple[str, str]]] = {
    "Files and where they come from": {
        "corrupt_file": ("A file is cut or broken.", "Copy or export it again."),
        "file_too_large": ("A file has more than 4 GiB.", "Split it."),
        "zip_bomb": ("A zip file inflates to far more than it holds.", "Unzip it first, if you trust it."),
        "tar_bomb": ("A tar file unpacks to far more than it holds.", "Unpack it first, if you trust it."),
        "zip_in_zip": ("A zip file holds another one.", "Unzip the outer one."),
        "encrypted_zip": ("A member of a zip file has a password.", "Unzip it first."),
        "path_traversal": ("A member of a zip file is named to leave its folder.", "Zip it again, if you trust it."),
        "link_in_zip": ("A member of a zip file is a link.", "Zip the file itself."),
        "archive_in_tar": ("A tar file holds another archive.", "Unpack the outer one."),
        "link_in_tar": ("A member of a tar file is a link.", "Pack the file itself."),
        "special_in_tar": ("A member of a tar file is a device, or has holes.", "Pack it otherwise."),
        "link_leaves_root": ("A link leads out of the source's folder.", "Copy the files into the folder."),
        "name_not_named": ("A file's name follows no pattern of the plan.", "Correct the patterns, or leave it out."),
        "not_fetched": ("A series could not be fetched from the archive.", "Look it up there; it is tried again."),
        "series_incomplete": (
            "The archive sent fewer instances than it says a series has.",
            "Look the series up in the archive; the next run asks for what is missing.",
        ),
        "unknown_visit": (
            "The visit in a file's name is none of the plan's.",
            "Add it to `visits` of the source, or leave the file out.",
        ),
        "missing_voxels": ("The file with the voxels of a header is not beside it.", "Put it where the header says."),
        "source_changed": ("A file was changed while the study ran.", "Run the plan again."),
        "source_gone": ("A file was removed while the study ran.", "Restore it, or run the plan again."),
    },
    "What a file is": {
        "not_dicom": ("The file is no DICOM.", "Leave it out."),
        "media_directory": ("The file is a directory of other DICOM files (DICOMDIR).", "Leave it out; they are read."),
        "not_nifti": ("The file is no NIfTI.", "Leave it out."),
        "not_nrrd": ("The file is no NRRD.", "Leave it out."),
        "not_metaimage": ("The file is no MetaImage.", "Leave it out."),
        "not_tiff": ("The file is no TIFF.", "Leave it out."),
        "not_wav": ("The file is no WAV.", "Leave it out."),
        "not_text": ("A report is not text in its encoding.", "Correct `encoding` of the source, or convert it."),
        "unknown_format": ("The file is of no format that is read.", "Convert it, or leave it out."),
        "encoding_not_supported": ("The data of a file are encoded in a way that is not read.", "Write it again."),
        "mixed_pages": ("The pages of a TIFF file do not fit together.", "Write each image to a file of its own."),
        "empty_signal": ("A recording has no sample.", "Leave it out."),
        "bad_sampling": ("A recording's sampling frequency is not above 0.", "Correct the header."),
        "no_waveform": ("A file of waveforms lacks the group asked for.", "Export it again."),
        "microscopy_not_supported": ("A segmentation is of a slide under a microscope.", "Leave it out."),
        "not_an_image": ("The file is neither PNG nor JPEG.", "Leave it out."),
        "unreasonable_header": ("A header announces more than any real scan has.", "Check where the file comes from."),
        "missing_element": ("A DICOM file lacks an element that it must have.", "Export it again."),
        "bad_element": ("An element of a DICOM file has a value that cannot be.", "Correct it, or leave the file out."),
        "no_patient_id": ("A file does not say whose it is.", "Fill in PatientID, or leave the file out."),
        "missing_pixels": ("An image file holds no pixels.", "Export it again."),
        "codec_missing": ("No decoder for the file's compression is installed.", "Export it uncompressed."),
        "image_too_large": ("A picture has more than 100 million pixels.", "Tile it."),
        "several_frames": ("A picture has several frames.", "Split it."),
        "not_three_dimensional": ("A volume does not have three dimensions.", "Split it into volumes."),
    },
    "Slices and their place": {
        "unknown_position": (
            "Nothing that can be trusted says where slices or voxels lie.",
            "Export or convert it again, with its image plane attributes.",
        ),
        "unknown_pixel_size": ("The size of a pixel is not stated.", "Give it with the source, or leave it out."),
        "no_pixel_size": (
            "Neither the plan nor the clinical table says how large a pixel is.",
            "Give `pixel_size_mm`, or `pixel_size_column` and a row for the patient.",
        ),
        "no_slice_distance": ("Neither the file nor the plan says how far slices are apart.", "Give it in the plan."),
        "implausible_spacing": (
            "Voxels are smaller or larger than any scanner for patients has, or the scan is longer than a patient.",
            "Check the unit of length that the file states.",
        ),
        "implausible_size": (
            "A slice is smaller or larger than any part of a patient.",
            "Check the unit of the pixel size: it has to be mm.",
        ),
        "mosaic_not_placed": (
            "A mosaic does not say how many slices it holds, or how they are stacked.",
            "Export it again with its private elements, or convert it on the scanner.",
        ),
        "incomplete_series": (
            "A time, echo or b-value of a series lacks slices that others have.",
            "Fetch the missing slices from the archive, or leave the series out.",
        ),
        "mixed_pixel_size": ("Slices of one series have several pixel sizes.", "Export each reconstruction alone."),
        "mixed_orientation": ("Slices of one series are turned against each other.", "Read them as series."),
        "mixed_series": (
            "Files of one series differ in unit, size or coordinates, or some state no rescaling.",
            "Export the series alone.",
        ),
        "empty_series": ("A series has no file.", "Check the source."),
        "missing_slice": ("Slices stand at even distances, but for a gap.", "Fetch the slice from the archive."),
        "uneven_slices": (
            "Slices stand at uneven distances, or are shifted sideways.",
            "Check whether the series mixes several acquisitions.",
        ),
        "conflicting_slices": (
            "Several slices with other values lie at one position, and nothing tells what sets them apart.",
            "Read each time, echo or b-value as a series of its own.",
        ),
        "conflicting_geometry": ("Two statements of one file place its voxels apart.", "Keep the right one only."),
        "multiframe_not_supported": (
            "The frames of a file do not say where they lie.",
            "Convert it to single-frame DICOM or NIfTI.",
        ),
        "empty_grid": ("A grid has no voxels.", "Check the file."),
        "bad_spacing": ("The distance of voxels is not above 0.", "Correct the header."),
        "bad_origin": ("The origin is no place in mm.", "Correct the header."),
        "bad_direction": ("The three axes do not span a volume.", "Correct the orientation."),
    },
    "Values": {
        "implausible_units": (
            "Values cannot be in the unit that is stated: raw CT values called HU, Bq/ml called SUV.",
            "Check rescale slope and intercept, or the unit that the plan gives.",
        ),
        "mixed_units": (
            "A scan has another unit than most of its modality, such as PET in Bq/ml where the others have SUV.",
            "Export it again with what the unit is computed from, leave it out, or bring all to one scale.",
        ),
        "implausible_values": ("Whole voxels are larger than any scanner makes.", "Check where the file comes from."),
        "constant_image": ("All values of an image are the same.", "Export it again."),
        "all_missing": ("An image has no value at all.", "Check the series."),
        "unknown_scale": (
            "A file names a scale that some programs apply and others do not.",
            "Apply the scale, and write the file again without it.",
        ),
        "infinite_values": ("Voxels are infinite.", "Export or write it again."),
        "colour_not_supported": ("Pixels are of a kind of colour that is not read.", "Convert them to grey or RGB."),
    },
    "Regions": {
        "regions_without_image": ("The image on which regions were drawn is not there.", "Add the image."),
        "unknown_region": ("A file does not hold the region asked for.", "Correct the region in the plan."),
        "ambiguous_region": ("A file holds several regions of the name asked for.", "Rename them."),
        "empty_region": ("A region has no contours.", "Draw it again, or leave it out."),
        "empty_mask": ("A mask has no voxel inside.", "Draw it again, or leave it out."),
        "not_a_closed_contour": ("A region is a point or an open line.", "Choose a region that encloses voxels."),
        "contour_off_grid": (
            "Contours lie off the slices of their image, or beyond its edges.",
            "Read the region on the series it was drawn on.",
        ),
        "contours_between_slices": (
            "Contours of several planes fall into one slice: they were drawn on thinner ones.",
            "Read the region on the series it was drawn on.",
        ),
        "frame_off_grid": (
            "Frames of a segmentation lie between the slices of their image, or beyond its edges.",
            "Read the segmentation on the series it was drawn on.",
        ),
        "other_grid": (
            "A mask does not lie on its image's grid.",
            "Export it from the image it was drawn on, or resample it on purpose.",
        ),
        "not_labels": ("A label map holds values that are no labels.", "Give it as an image, or threshold it."),
        "unnamed_label": ("A mask holds a value that the plan gives no name.", "Name each label."),
    },
    "Among the scans of a study": {
        "duplicate_patient": (
            "All voxels equal those of another patient's scan.",
            "Find out which of the two is right, and remove the other.",
        ),
        "duplicate_series": ("All voxels equal those of another scan of the patient.", "Remove the copy."),
        "second_series": (
            "A visit has several series of one modality.",
            "Name the modality or the folder that counts.",
        ),
    },
    "No fault of the data": {
        "unexpected_error": (
            "The program has a defect, told by its place in the code.",
            "Report the place; the item is tried again at the next run.",
        ),
        "worker_lost": (
            "The workers that took the item were lost.",
            "Raise `compute.memory_per_worker`; it is tried again at the next run.",
        ),
    },
}
