"""Workers elsewhere: joined, started, compared, and kept to one thread."""

import json
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from threading import Event
from types import SimpleNamespace
from unittest.mock import Mock

import psutil
import pytest
from pydantic import ValidationError

from data_catalog.errors import PlanError
from data_catalog.refs import Ref
from data_catalog.store import Store
from flows import clusters, workers
from flows.clusters import Workers, cluster
from flows.compute import Cluster, Compute, Tls
from flows.radiomics_study import radiomics_study
from flows.workers import THREADS_OF_LIBRARIES, differences, own_parts
from tasks import batches
from tasks.batches import Workplace, at, run_batch
from tasks.ingest import keep_study
from tasks.stage import Outcome


def add(first, second):
    return first + second


def threads():
    from threadpoolctl import threadpool_info

    return {"env": [os.environ.get(name) for name in THREADS_OF_LIBRARIES], "now": threadpool_info()}


def test_a_cluster_is_started_by_the_name_of_its_class_and_ends_with_the_block():
    wanted = Cluster(
        starts="distributed.LocalCluster",
        arguments={"n_workers": 0, "processes": True, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"},
        least=1,
        most=2,
    )
    with cluster(Compute(cluster=wanted)) as client:
        assert client.submit(add, 1, 2).result() == 3
        (told,) = {str(one) for one in client.run(threads).values()}
        assert told.startswith("{'env': ['1', '1', '1', '1', '1']")
        assert "'num_threads': 2" not in told
        held = client.cluster
    assert held.status.name == "closed"


def test_workers_of_this_machine_are_started_once_by_the_first_who_asks_and_end_with_the_run():
    with Workers(Compute(workers=1)) as asked:
        with ThreadPoolExecutor(4) as pool:
            first, *others = pool.map(lambda _: asked(1), range(4))
        assert first is not None
        assert all(one is first for one in others)
        assert first.submit(add, 1, 2).result() == 3
        held = first.cluster
    assert held.status.name == "closed"
    assert first.status == "closed"


def test_a_run_in_this_process_has_no_workers():
    with Workers(Compute(workers=0)) as asked:
        assert asked(1) is None


def test_a_run_that_is_stopped_gives_nobody_workers_any_more(monkeypatch):
    begun, go_on = Event(), Event()

    @contextmanager
    def slow(*_):
        begun.set()
        assert go_on.wait(30)
        yield client
        client.closed = True

    client = SimpleNamespace(futures={}, cancel=lambda *_, **__: None, closed=False)
    monkeypatch.setattr(clusters, "cluster", slow)
    with ThreadPoolExecutor(1) as pool:
        with Workers(Compute(workers=1)) as asked:
            waiting = pool.submit(asked, 1)
            assert begun.wait(30)
            asked.drop()  # while a thread is starting them
            go_on.set()
        with pytest.raises(CancelledError):
            waiting.result(30)
    assert client.closed
    with pytest.raises(CancelledError):
        asked(1)


class Started:
    """Stands in for the workers of this machine: tells how many were started."""

    def __init__(self):
        self.counts, self.futures, self.cluster = [], {}, self

    @contextmanager
    def __call__(self, _compute, first, _say):
        self.counts.append(first)
        yield self

    def scale(self, count):
        self.counts.append(count)


@pytest.fixture
def started(monkeypatch):
    one = Started()
    monkeypatch.setattr(clusters, "cluster", one)
    return one


def pending(*keys):
    return {key: SimpleNamespace(status="pending") for key in keys}


def test_as_many_workers_are_started_as_items_keep_busy(started):
    with Workers(Compute(workers=3)) as asked:
        for items in (1, clusters.ITEMS_OF_A_WORKER, clusters.ITEMS_OF_A_WORKER + 1, 2, 1000):
            assert asked(items) is started
    assert started.counts == [1, 2, 3]


def test_all_workers_are_started_where_few_items_take_long(started, monkeypatch):
    monkeypatch.setattr(clusters, "PATIENCE_SECONDS", 0.05)
    with Workers(Compute(workers=3)) as asked:
        started.futures |= pending("a", "b")
        asked(2)
        limit = time.monotonic() + 30
        while started.counts != [1, 3] and time.monotonic() < limit:
            time.sleep(0.01)
    assert started.counts == [1, 3]


@pytest.mark.parametrize("moments", [("a",), ("ab", "cd", "ef"), ("ab", "")])
def test_one_item_that_takes_long_and_items_that_pass_start_no_other_worker(started, moments, monkeypatch):
    monkeypatch.setattr(clusters, "PATIENCE_SECONDS", 600)
    with Workers(Compute(workers=2)) as asked:
        asked(1)
        for keys in (*moments, moments[-1]) if len(moments) == 1 else moments:
            started.futures = pending(*keys)
            asked._look()
    assert started.counts == [1]


def test_workers_that_are_started_later_get_items_too():
    with Workers(Compute(workers=2)) as asked:
        client = asked(1)
        assert len(client.scheduler_info()["workers"]) == 1
        assert asked(1000) is client
        client.wait_for_workers(2, timeout=clusters.START_SECONDS)
        assert len(client.run(os.getpid)) == 2


def fatal(_root, job, **_):
    """Stand in for the work on an item; that on one of them ends the worker's process."""
    if job.item == "P-3":
        os._exit(1)
    time.sleep(0.02)
    return Outcome(job.item, "computed", ref=Ref(kind="study", digest="0" * 64))


@pytest.mark.parametrize(("count", "items"), [(1, 12), (2, 12), (2, 4)])
def test_what_only_waited_at_a_worker_that_another_item_has_killed_is_done(tmp_path, count, items, monkeypatch):
    monkeypatch.setattr(batches, "perform", fatal)
    jobs = [keep_study.job(f"P-{number}", {}, {"number": number}) for number in range(items)]
    told = []
    with Workers(Compute(workers=count)) as asked, at(Workplace(Store(tmp_path), asked, lambda *one: told.append(one))):
        outcomes = run_batch.fn("label", jobs)
    assert [one.item for one in outcomes if one.how == "failed"] == ["P-3"]
    assert [one.how for one in outcomes].count("computed") == items - 1
    assert len(told) == items


def test_a_worker_whose_run_is_killed_before_it_has_found_its_scheduler_ends(monkeypatch):
    spec = {}
    monkeypatch.setattr(clusters, "SpecCluster", lambda **options: spec.update(options) or nullcontext())
    monkeypatch.setattr(clusters, "Client", lambda *_, **__: nullcontext(Mock()))
    with cluster(Compute(workers=1)):
        options = spec["worker"]["options"]
    assert options["worker_kwargs"]["death_timeout"] == clusters.START_SECONDS
    kwargs = {**options["worker_kwargs"], "death_timeout": 3}
    words = json.dumps({"cls": options["worker_class"], "opts": kwargs})
    code = """if True:
        import asyncio
        from distributed import Scheduler

        async def main():
            async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as one:
                print(one.address, flush=True)
                await one.finished()

        asyncio.run(main())
    """
    quiet = {"stderr": subprocess.DEVNULL, "text": True}
    scheduler = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, **quiet)
    with scheduler, scheduler.stdout as told:
        address = told.readline().strip()
        nanny = psutil.Popen([sys.executable, "-m", "dask", "spec", address, "--spec", words], **quiet)
        while not any("multiprocessing-fork" in " ".join(child.cmdline()) for child in nanny.children()):
            time.sleep(0.01)
        worker = nanny.children()
        scheduler.kill()
    try:
        assert nanny.wait(60) is not None
        assert psutil.wait_procs(worker, 30)[1] == []
    finally:
        for process in (nanny, *worker):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def test_a_scheduler_that_does_not_answer_is_told_before_any_work(monkeypatch):
    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 0.5)
    with pytest.raises(PlanError, match="nothing answers"), Workers(Compute(scheduler="tcp://127.0.0.1:9")):
        pass


def test_a_package_that_is_not_installed_names_the_command():
    wanted = Cluster(starts="dask_jobqueue.SLURMCluster", arguments={"cores": 1})
    with (
        pytest.raises(PlanError, match=r'pip install "voxmine\[slurm\]"'),
        cluster(Compute(cluster=wanted)),
    ):
        pass


def test_a_class_that_is_not_there_is_a_plain_error():
    wanted = Cluster(starts="distributed.NoSuchCluster")
    with pytest.raises(PlanError, match="distributed has none of that name"), cluster(Compute(cluster=wanted)):
        pass


@pytest.mark.parametrize(
    "starts", ["os.system", "subprocess.Popen", "dask_jobqueue", "dask_jobqueue.SLURM", "evil.Cluster", "dask.Cluster"]
)
def test_nothing_but_a_cluster_of_dask_can_be_started(starts):
    with pytest.raises(ValidationError):
        Cluster(starts=starts)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scheduler": "tcp://a:1", "cluster": Cluster(starts="distributed.LocalCluster")}, "one place"),
        ({"scheduler": "tcp://a:1", "tls": Tls(ca="a", certificate="b", key="c")}, "tls://"),
        ({"tls": Tls(ca="a", certificate="b", key="c")}, "tls://"),
    ],
)
def test_what_contradicts_itself_is_refused(changes, said):
    with pytest.raises(ValidationError, match=said):
        Compute(**changes)


def test_a_range_of_workers_rises():
    with pytest.raises(ValidationError, match="Swap them"):
        Cluster(starts="distributed.LocalCluster", least=3, most=2)


def test_a_worker_of_other_versions_is_refused_in_words(monkeypatch):
    theirs = {**own_parts(), "numpy": "1.0", "voxmine": "0.0 (000000000000)"}
    found = differences(own_parts(), theirs)
    assert [line.split()[3] for line in found] == ["numpy", "voxmine"]
    assert differences(own_parts(), own_parts()) == []
    monkeypatch.setattr(clusters, "differences", lambda ours, told: differences({**ours, "numpy": "1.0"}, told))
    wanted = Cluster(starts="distributed.LocalCluster", arguments={"n_workers": 0, "dashboard_address": "127.0.0.1:0"})
    with pytest.raises(PlanError, match="a worker has numpy"), cluster(Compute(cluster=wanted)):
        pass


def test_the_digest_of_the_code_is_that_of_what_is_written_there(tmp_path, monkeypatch):
    for name in workers.SOURCES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("A = 1\n")
    (tmp_path / "flows").mkdir()
    monkeypatch.setattr(workers, "__file__", str(tmp_path / "flows" / "workers.py"))
    before = workers._code()
    assert workers._code() == before
    (tmp_path / "tasks" / "a.py").write_text("A = 2\n")
    assert workers._code() != before


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def certificates(folder):
    """Write an authority, and a certificate of it for the loopback address; return where they lie."""
    run = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=voxmine"]
    made = ["-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*run, *made], check=True, capture_output=True)
    return Tls(ca=folder / "cert.pem", certificate=folder / "cert.pem", key=folder / "key.pem")


@pytest.fixture
def outside(tmp_path):
    """Start a scheduler and two workers over TLS, as another machine would; give their address and certificates."""
    tls = certificates(tmp_path)
    address = f"tls://127.0.0.1:{free_port()}"
    given = ["--tls-ca-file", tls.ca, "--tls-cert", tls.certificate, "--tls-key", tls.key]
    host = ["--host", "127.0.0.1", "--no-dashboard"]
    scheduler = [sys.executable, "-m", "dask", "scheduler", "--protocol", "tls", "--port", address.rpartition(":")[2]]
    worker = [sys.executable, "-m", "dask", "worker", address, "--nthreads", "1", "--no-nanny"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    started = [subprocess.Popen([*scheduler, *host, *given], **quiet)]
    started += [subprocess.Popen([*worker, *host, *given], **quiet) for _ in range(2)]
    yield address, tls
    for process in reversed(started):
        process.kill()
        process.wait()


def test_a_scheduler_over_tls_is_joined_and_left_running(outside):
    address, tls = outside
    compute = Compute(scheduler=address, tls=tls)
    for _ in range(2):  # a run does not end what it did not start
        with cluster(compute) as client:
            limit = time.monotonic() + 60
            while len(client.scheduler_info()["workers"]) < 2 and time.monotonic() < limit:
                time.sleep(0.1)
            assert sum(client.gather(client.map(add, [1, 2], [3, 4]))) == 10
            assert client.security.require_encryption


def join(compute, tries=5):
    """Join a cluster and leave it; again where Dask's own loop has not started within its ten seconds."""
    try:
        with cluster(compute):
            pass
    except AssertionError:
        if tries == 1:
            raise
        join(compute, tries - 1)


def test_a_scheduler_over_tls_takes_nobody_without_its_certificates(outside, tmp_path, monkeypatch):
    address, tls = outside
    with cluster(Compute(scheduler=address, tls=tls)) as client:
        assert client.submit(add, 1, 2).result() == 3
    monkeypatch.setattr(clusters, "CONNECT_SECONDS", 3)
    (tmp_path / "other").mkdir()
    other = certificates(tmp_path / "other")
    for wrong in (None, other):
        with pytest.raises(PlanError, match="nothing answers at tls://"):
            join(Compute(scheduler=address, tls=wrong))


@pytest.mark.slow
def test_a_study_is_run_by_workers_elsewhere_as_by_those_of_this_machine(outside, cohort, small_plan, tmp_path):
    address, tls = outside
    steps = {"learn": None, "mine": None, "detect": ()}
    here = radiomics_study(small_plan(cohort, tmp_path / "here", **steps, compute={"workers": 0}))
    there = {"scheduler": address, "tls": tls.model_dump(mode="json")}
    elsewhere = radiomics_study(small_plan(cohort, tmp_path / "there", **steps, compute=there))
    assert elsewhere.table == here.table
    assert elsewhere.study == here.study
