"""Detection: methods that find small objects and say where they are, how large and how distinct."""

from typing import Annotated

from tasks.methods.detection.blobs import DogBlobs, LogBlobs
from tasks.methods.method import Choice

Detector = Annotated[LogBlobs | DogBlobs, Choice()]
