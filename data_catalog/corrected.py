"""What is accepted with a recorded correction: by subject and name, what it means and what to do.

Nothing of it moves a voxel: no image and no mask is ever resampled without a step of the plan that says so.
"""

from __future__ import annotations

CORRECTED: dict[str, dict[str, tuple[str, str]]] = {
    "Slices and their place": {
        "gantry_tilt": (
            "The slices lie askew of their normal, as with a tilted gantry; the grid keeps the shear.",
            "Nothing; a step that needs a rectangular grid says so.",
        ),
        "slice_positions_rounded": (
            "Thin slices are off an even line by half the last decimal of their positions, which were rounded.",
            "Nothing; positions with two or more decimals would tell their distance better.",
        ),
        "files_lost": (
            "Files of the series could not be read.",
            "Look at the quarantine for them: slices at either end of this series may be missing.",
        ),
        "files_lost_beside": (
            "Files in the same folder or archive could not be read, and nothing tells of which series they are.",
            "Look at the quarantine for them: slices at either end of this series may be missing.",
        ),
        "series_taken_apart": (
            "The volume is a part of its series: other images of it differ in size, spacing, direction, kind, kernel,"
            " tube voltage, study or frame of reference, and were refused as `second_series`.",
            "Look at the quarantine for the other parts: the volume may be a fraction of what was scanned.",
        ),
        "settings_differ_by_slice": (
            "The slices of one stack were taken with different inversion times or flip angles.",
            "Nothing where the sequence sets them slice by slice; else take the series apart.",
        ),
        "turned_upright": (
            "A picture says how the camera was held (Exif), and was turned as viewers turn it.",
            "Nothing; masks drawn in a viewer fit.",
        ),
        "duplicate_slices": (
            "Slices that are stored several times with the same values were read once.",
            "Nothing; remove the copies if they surprise you.",
        ),
        "detector_pixel_size": (
            "The pixel size is that of the detector, not of the patient: lengths are too long by the magnification.",
            "Take lengths and volumes with care.",
        ),
        "scanner_pixel_size": (
            "The pixel size is that of the scanner which read the film, not of the patient.",
            "Take lengths and volumes with care.",
        ),
        "magnification_divided": (
            "The pixel size at the detector was divided by the magnification that the file estimates.",
            "Nothing; it is an estimate for the middle of the body.",
        ),
        "pixel_size_given": ("The pixel size was given with the source; the file states none.", "Nothing."),
        "slice_depth_assumed": (
            "A single slice does not state its depth; 1 mm was taken.",
            "Leave out features that use a volume.",
        ),
        "space_from_plan": ("The file names no space of the patient; that of the plan was taken.", "Nothing."),
        "time_counted": (
            "The file does not state the times of its steps; they are counted.",
            "Take no rates from the volume.",
        ),
        "time_step_unknown": (
            "The time between the volumes of the file is not stated; they are counted.",
            "Take no rates from the volume.",
        ),
        "length_unit_assumed": (
            "The file does not state the unit of length; mm were taken.",
            "Check that the scan has the size of a patient.",
        ),
        "length_unit_changed": ("Lengths in another unit were turned to mm.", "Nothing."),
    },
    "Values": {
        "padding_made_missing": ("Voxels that are padding, not tissue, were made missing (NaN).", "Nothing."),
        "suv_computed": (
            "PET values were turned to SUV from the dose, the weight and the times that the file states.",
            "Nothing.",
        ),
        "suv_not_computed": (
            "PET values stay in Bq/ml: the dose, its times, the weight or the corrections are missing or impossible.",
            "Compare them with no SUV; export the series with these elements to get SUV.",
        ),
        "activity_computed": ("PET counts were turned to Bq/ml by the scanner's own factor.", "Nothing."),
        "philips_scale": (
            "MR values were scaled by the private slope, so that scans can be compared.",
            "Nothing.",
        ),
        "opacity_left_out": ("An opacity beside the colours was left out.", "Nothing."),
        "no_air": (
            "No voxel of a CT is below -200 HU: air was cut away or masked, or the unit is another.",
            "Look at the scan once.",
        ),
        "no_tissue": (
            "No voxel of a CT is above -200 HU: it shows air, or the unit is another.",
            "Look at the scan once.",
        ),
        "negative_turned": ("The image was stored as a negative, dark for dense, and was turned.", "Nothing."),
        "colours_to_luminance": (
            "Colours were turned to luminance.",
            "Nothing, unless the colour tells something: then read its channels.",
        ),
        "transparent_made_missing": ("Pixels that are fully transparent were made missing (NaN).", "Nothing."),
    },
    "Regions": {
        "decided_at_half": (
            "Pixels of a mask between outside and inside (a smooth edge) were decided at half the brightest.",
            "Export the mask with two values if its edge matters.",
        ),
        "fractions_decided_at_half": (
            "Fractions of a segmentation (probability or occupancy) were decided at half the largest.",
            "Threshold it yourself, and export it as binary, if another limit is wanted.",
        ),
        "positions_rounded": (
            "What was drawn lies off the voxels of its image by what headers round: 2 % of a voxel, or 0.02 mm.",
            "Nothing.",
        ),
        "axes_reordered": ("The axes of a mask were put into the order and direction of its image's.", "Nothing."),
        "box_placed": ("A mask holds a box of its image's voxels; those it does not hold are outside.", "Nothing."),
        "labels_left_out": (
            "Values of a label map that have no name in the plan were left out.",
            "Name them under `labels` if they should count.",
        ),
        "labels_merged": (
            "The values of a label map without names were taken for one region.",
            "Name them under `labels` to tell them apart.",
        ),
        "duplicate_contours": ("Contours that are there twice were drawn once.", "Nothing."),
        "open_contours_left_out": (
            "Points and open lines beside closed contours enclose nothing, and were left out.",
            "Nothing.",
        ),
        "contours_cross": (
            "Contours of one slice cross each other; what both enclose was left out (even-odd).",
            "Look at the region: if their union was meant, draw it as one contour.",
        ),
        "contours_off_slices": (
            "Contours lie off their slices by up to half a slice, and were drawn in the nearest.",
            "Check that the region was drawn on this series.",
        ),
        "slices_without_contours": (
            "Slices between the first and the last contour have none, and stay empty.",
            "Draw the missing contours if the region is whole.",
        ),
    },
}
