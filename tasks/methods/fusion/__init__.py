"""Fusion: methods that bring two images of one patient together on one grid."""

from typing import Annotated

from tasks.methods.fusion.channels import Channels
from tasks.methods.fusion.temporal_difference import TemporalDifference
from tasks.methods.method import Choice

Fuser = Annotated[Channels | TemporalDifference, Choice()]
