"""Learning from a table of features without seeing the patients one is judged on."""

from typing import Annotated

from tasks.methods.learning.controls import LeakCheck, PermutedLabels
from tasks.methods.learning.forest import ForestLearner
from tasks.methods.learning.harmonisation import NoHarmonisation, ScannerLocationScale
from tasks.methods.learning.logistic import LogisticLearner
from tasks.methods.learning.nested import NestedCrossValidation
from tasks.methods.learning.rule_list import RuleListLearner
from tasks.methods.learning.stable_features import StableFeatures
from tasks.methods.learning.support_vectors import SupportVectorLearner
from tasks.methods.method import Choice

Learner = Annotated[LogisticLearner | ForestLearner | SupportVectorLearner | RuleListLearner, Choice()]
Harmoniser = Annotated[NoHarmonisation | ScannerLocationScale, Choice()]
Validation = NestedCrossValidation
Stability = StableFeatures
Control = Annotated[PermutedLabels | LeakCheck, Choice()]
