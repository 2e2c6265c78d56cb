"""Radiomics: methods that describe a region of an image in numbers.

Columns are named `<family>_<feature>[_<unit>][_<aggregation>]`, all in small letters: `stat_mean`,
`morph_volume_mm3`, `cm_contrast_3d_mrg`. Families are IBSI's: `stat` intensity statistics, `morph`
morphology, `cm` grey level co-occurrence. A unit stands in a name when it does not depend on the image;
an aggregation when IBSI has several: `3d_mrg`, `3d_avg`, and for images of one plane `2d_mrg`, `2d_avg`.
Features of one plane's shape are the family `morph2d`, which IBSI does not define.
"""

from typing import Annotated

from tasks.methods.method import Choice
from tasks.methods.radiomics.cooccurrence import Cooccurrence
from tasks.methods.radiomics.intensity_statistics import IntensityStatistics
from tasks.methods.radiomics.shape import Shape

Extractor = Annotated[IntensityStatistics | Shape | Cooccurrence, Choice()]
