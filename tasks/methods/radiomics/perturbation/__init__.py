"""Perturbation: methods that change an image or a region a little, as another scan or another reader would.

A feature that changes much with it cannot be relied on: see `tasks.methods.learning.stable_features`.
"""

from tasks.methods.radiomics.perturbation import chain

Perturbation = chain.Perturbation
Chain = chain.PerturbationChain
