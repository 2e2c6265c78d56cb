"""Signals: methods that describe a channel of sound, of an ECG or of another recording in numbers.

Columns are named `<family>_<feature>[_<unit>]`, all in small letters: `sig` amplitudes in time, `spec` powers by
frequency.
"""

from typing import Annotated

from tasks.methods.method import Choice
from tasks.methods.signals.amplitude import Amplitude
from tasks.methods.signals.spectrum import Spectrum

SignalExtractor = Annotated[Amplitude | Spectrum, Choice()]
