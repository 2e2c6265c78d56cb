from __future__ import annotations

import logging
import warnings

import pydicom
import pytest
from pydicom.misc import warn_and_log

from tasks.formats.quiet import unheard


def test_a_library_s_warnings_are_counted_not_shown(caplog):
    with unheard("pydicom") as heard:
        pydicom.uid.UID("not a uid Zebrafish")
        warn_and_log("Zebrafish", stacklevel=0)
    assert heard == ["UserWarning", "UserWarning"]
    assert "Zebra" not in caplog.text


def test_warnings_of_others_are_passed_on():
    with pytest.warns(RuntimeWarning, match="mine"), unheard("pydicom"):
        warnings.warn("mine", RuntimeWarning, stacklevel=1)


def test_the_logger_is_as_before_even_after_an_error():
    with pytest.raises(KeyError), unheard("pydicom"):
        raise KeyError
    assert not logging.getLogger("pydicom").disabled


def test_a_logger_that_is_made_inside_is_silent_too(caplog):
    name = "a_library_of_which_nobody_has_heard"
    with unheard(name):
        logging.getLogger(name).warning("Zebrafish")
    assert caplog.text == ""
    logging.getLogger(name).warning("aloud again")
    assert "aloud" in caplog.text
