"""Receiving by C-STORE: from those alone that may, as it came, and nothing is left half-written."""

from __future__ import annotations

import socket
from io import BytesIO

import pydicom
import pytest
from pydicom.uid import JPEGBaseline8Bit
from pynetdicom import AE

from data_catalog.errors import PlanError
from tasks.remote.dropping import dropping
from tasks.remote.receiver import (
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    STORED,
    VERIFICATION,
    Listening,
    asking_tls,
    receiver,
    serving_tls,
)
from tests.orthanc import LEAK, slices
from tests.tasks.conftest import NAME, PATIENT, dicom

pytestmark = pytest.mark.filterwarnings(LEAK)
CT, PRIVATE, RETIRED = "1.2.840.10008.5.1.4.1.1.2", "1.2.826.0.1.3680043.9.7", "1.2.840.10008.5.1.4.1.1.6"


def listening(**fields):
    open_to = {"title": "US", "port": 0, "address": "127.0.0.1", "titles": (), "hosts": ("127.0.0.1",)}
    return Listening(**{**open_to, **fields})


@pytest.fixture
def kept():
    return {}


@pytest.fixture
def keep(kept):
    def keep(uid, content):
        kept[uid] = content
        return True

    return keep


def associated(port, *contexts, ours="THEM", theirs="US", tls=None):
    entity = AE(ours)
    for context in contexts or (CT,):
        entity.add_requested_context(*(context if isinstance(context, tuple) else (context,)))
    return entity.associate("127.0.0.1", port, ae_title=theirs, tls_args=tls)


def sent(port, *files, **options):
    """Send files; return what each is answered."""
    association = associated(port, **options)
    assert association.is_established
    answers = [association.send_c_store(pydicom.dcmread(BytesIO(one))).get("Status") for one in files]
    association.release()
    return answers


def test_what_is_sent_is_kept_as_a_file_and_as_it_came(keep, kept):
    files = slices(3)
    with receiver(listening(), keep) as port:
        assert sent(port, *files) == [STORED] * 3
    for content in files:
        one = pydicom.dcmread(BytesIO(content))
        came = kept[one.SOPInstanceUID]
        assert came[128:132] == b"DICM"
        assert pydicom.dcmread(BytesIO(came)) == one


def test_a_system_without_quick_acknowledgements_receives_too(keep, kept, monkeypatch):
    monkeypatch.setattr("tasks.remote.receiver.QUICK_ACKNOWLEDGEMENT", None)
    with receiver(listening(), keep) as port:
        assert sent(port, *slices(2)) == [STORED] * 2
    assert len(kept) == 2


def test_every_storage_class_is_taken_in_the_syntax_that_its_sender_prefers(keep):
    contexts = ((CT, JPEGBaseline8Bit), (PRIVATE,), (RETIRED,), (VERIFICATION,))
    with receiver(listening(), keep) as port:
        association = associated(port, *contexts)
        accepted = {one.abstract_syntax: one.transfer_syntax[0] for one in association.accepted_contexts}
        assert set(accepted) == {CT, PRIVATE, RETIRED, VERIFICATION}
        assert accepted[CT] == JPEGBaseline8Bit
        assert association.send_c_echo().Status == 0
        association.release()


# pynetdicom's own thread, which may meet the end of the line while it reads why it was turned away
@pytest.mark.filterwarnings("ignore:Exception in thread.*run_reactor:pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    ("fields", "enters"),
    [
        ({}, True),
        ({"titles": ("THEM",)}, True),
        ({"titles": ("OTHER",)}, False),
        ({"title": "NOT_US"}, False),
        ({"hosts": ("localhost",)}, True),
        ({"address": ""}, True),
        ({"hosts": ("192.0.2.1",)}, False),
        ({"hosts": ()}, False),
    ],
    ids=str,
)
def test_only_those_may_send_who_are_named(keep, fields, enters):
    with receiver(listening(**fields), keep) as port:
        association = associated(port)
        assert association.is_established is enters
        if enters:
            association.release()


def test_a_sender_is_told_what_was_not_wanted_and_what_could_not_be_written():
    answers = [False, OSError(28, "No space left on device")]

    def keep(uid, content):
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    with receiver(listening(), keep) as port:
        assert sent(port, *slices(2)) == [NOT_AUTHORISED, OUT_OF_RESOURCES]


def test_a_port_that_is_taken_and_a_machine_that_nobody_knows_are_named(keep):
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(PlanError, match="port"),
        receiver(listening(port=taken.getsockname()[1]), keep),
    ):
        pass
    with pytest.raises(PlanError, match="no-such-host"), receiver(listening(hosts=("no-such-host.invalid",)), keep):
        pass


def test_an_association_that_is_open_ends_with_the_receiver(keep):
    with receiver(listening(), keep) as port:
        association = associated(port)
    association.join(5)
    assert not association.is_established
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        pass


def test_with_tls_both_sides_show_who_they_are(keep, kept, certificate):
    trusted, key = certificate
    serving = serving_tls(trusted, key, trusted)
    asking = asking_tls(trusted, key, trusted, check_name=True)
    (content,) = slices(1)
    with receiver(listening(tls=serving), keep) as port:
        assert sent(port, content, tls=(asking, "127.0.0.1")) == [STORED]
        nameless = asking_tls(None, None, trusted, check_name=True)
        assert not associated(port, tls=(nameless, "127.0.0.1")).is_established
        assert sent(port, content, tls=(asking, "127.0.0.1")) == [STORED], "a stranger does not end it"
    assert len(kept) == 1


def test_a_file_that_is_no_certificate_is_said_to_be(tmp_path, certificate):
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing", encoding="ascii")
    with pytest.raises(PlanError, match="PEM"):
        serving_tls(wrong, certificate[1], None)
    with pytest.raises(PlanError, match="PEM"):
        asking_tls(None, None, wrong, check_name=True)


def test_a_drop_folder_gets_a_folder_a_study_whose_names_tell_nothing(tmp_path):
    files = [*slices(2, series="1.2.10"), *slices(1, series="1.2.11")]
    with receiver(listening(), dropping(tmp_path)) as port:
        assert sent(port, *files, files[0]) == [STORED] * 4
    names = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.dcm"))
    assert len(names) == 3
    assert len({name.split("/")[0] for name in names}) == 2
    assert not [secret for secret in (PATIENT, NAME, "1.2.1", "20240131") if secret in " ".join(names)]
    assert not list(tmp_path.rglob("*.part"))


def test_what_is_no_dicom_is_not_dropped(tmp_path):
    keep = dropping(tmp_path)
    assert not keep("1.2", b"<html>")
    assert keep("1.2", dicom())
    assert len(list(tmp_path.rglob("*.dcm"))) == 1
