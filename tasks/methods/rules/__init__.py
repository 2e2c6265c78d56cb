"""Items out of columns, and the rules mined among them."""

from typing import Annotated

from tasks.methods.method import Choice
from tasks.methods.rules.association import AssociationMiner
from tasks.methods.rules.class_rules import ClassRuleMiner
from tasks.methods.rules.discretise import FixedBins, QuantileBins
from tasks.methods.rules.readings import ReadingMiner
from tasks.methods.rules.sequences import SequenceMiner
from tasks.methods.rules.stability import PatientResampling
from tasks.methods.rules.subgroups import SubgroupMiner

Discretiser = Annotated[QuantileBins | FixedBins, Choice()]
Miner = Annotated[AssociationMiner | ClassRuleMiner | SequenceMiner | SubgroupMiner | ReadingMiner, Choice()]
Resampling = PatientResampling
