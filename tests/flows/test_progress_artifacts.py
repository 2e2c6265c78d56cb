"""How far a run has come shows in Prefect, and costs a few requests whatever the number of items."""

import threading
from collections import Counter

import httpx
import pytest

from flows import progress_artifacts as module
from flows.progress_artifacts import ProgressArtifacts, progress_artifacts


class Server:
    """Remember what was made and what was brought up to date."""

    def __init__(self):
        self.made, self.updates, self.seen = {}, [], threading.Event()

    def create(self, percent, key, description):
        self.made[key] = (percent, description)
        self.seen.set()
        return key

    def update(self, key, percent):
        self.updates.append((key, percent))


@pytest.fixture
def server(monkeypatch):
    held = Server()
    monkeypatch.setattr(module, "create_progress_artifact", held.create)
    monkeypatch.setattr(module, "update_progress_artifact", held.update)
    return held


def test_each_stage_has_an_artifact_that_moves_with_its_items(server):
    counts = {"read_dicom": Counter(items=8, computed=2), "keep_study": Counter(items=1), "radiomics": Counter()}
    shown = ProgressArtifacts("my_study", counts)
    shown.tell()
    assert server.made == {"my-study-read-dicom": (25.0, "Items done: read dicom")}
    shown.tell()
    assert server.updates == [], "what has not moved is not told"
    counts["read_dicom"].update(reused=3, failed=1)
    counts["radiomics"].update(items=4)
    shown.tell()
    assert server.updates == [("my-study-read-dicom", 75.0)]
    assert server.made["my-study-radiomics"] == (0.0, "Items done: radiomics")


def test_many_items_are_few_requests_and_the_last_is_told(server):
    counts = {"read_dicom": Counter(items=10_000)}
    with progress_artifacts("s", counts, pytest.fail):
        for _ in range(10_000):
            counts["read_dicom"]["computed"] += 1
    assert [percent for percent, _ in server.made.values()] == [100.0]
    assert server.updates == []


def test_it_moves_while_the_run_goes_on(server, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 0.01)
    counts = {"read_dicom": Counter(items=2, computed=1)}
    with progress_artifacts("s", counts, pytest.fail):
        assert server.seen.wait(30)
        counts["read_dicom"]["computed"] += 1
    assert server.made["s-read-dicom"][0] == 50.0
    assert server.updates == [("s-read-dicom", 100.0)]


def test_a_server_that_does_not_answer_ends_no_run(server, monkeypatch):
    def fail(*_, **__):
        raise httpx.ConnectError("")

    monkeypatch.setattr(module, "create_progress_artifact", fail)
    said = []
    with progress_artifacts("s", {"read_dicom": Counter(items=1)}, said.append):
        pass
    assert said == ["Prefect does not answer: progress is no longer shown there."]
