"""Image filters: methods that turn an image into a map of responses, on which a region is measured again (IBSI-2).

Conventions and reference maps are those of A. Depeursinge et al., Standardised convolutional filtering for radiomics
(arXiv 2006.05470) and P. Whybra et al., Radiology 310 (2024), e231319.
"""

from typing import Annotated

from tasks.methods.method import Choice
from tasks.methods.radiomics.filters.gabor import Gabor
from tasks.methods.radiomics.filters.laplacian_of_gaussian import LaplacianOfGaussian
from tasks.methods.radiomics.filters.laws import Laws
from tasks.methods.radiomics.filters.mean import Mean
from tasks.methods.radiomics.filters.riesz import Riesz
from tasks.methods.radiomics.filters.separable_wavelet import SeparableWavelet
from tasks.methods.radiomics.filters.simoncelli import Simoncelli

Filter = Annotated[
    Mean | LaplacianOfGaussian | Laws | Gabor | SeparableWavelet | Simoncelli | Riesz,
    Choice(),
]
