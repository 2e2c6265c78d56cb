"""The examples for clusters: plans that can be read, arguments that the classes take, manifests that fit together."""

from __future__ import annotations

import importlib.util
import inspect
import subprocess
import tomllib
from pathlib import Path

import distributed.cli.dask_scheduler
import distributed.cli.dask_worker
import pytest
import yaml

import deployments
from flows.plan_files import parse_plan

FOLDER = Path(deployments.__file__).parent / "dask"
VERSION = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
PARTS = ("slurm.yaml", "kubernetes.yaml")
MANIFESTS = list(yaml.safe_load_all((FOLDER / "kubernetes-cluster.yaml").read_text(encoding="utf-8")))
DASK = {"scheduler": distributed.cli.dask_scheduler.main, "worker": distributed.cli.dask_worker.main}


def plan_of(name):
    part = yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))
    return parse_plan({"sources": [{"method": "dicom", "path": "scans"}], **part}, Path())


@pytest.mark.parametrize("name", PARTS)
def test_a_part_of_a_plan_can_be_read(name):
    cluster = plan_of(name).compute.cluster
    assert cluster.most > cluster.least, "an example of one that grows"


@pytest.mark.parametrize("name", PARTS)
def test_the_arguments_are_those_of_the_class(name):
    cluster = plan_of(name).compute.cluster
    module, _, word = cluster.starts.rpartition(".")
    if importlib.util.find_spec(module.partition(".")[0]) is None:
        pytest.skip(f"{module.partition('.')[0]} is not installed")
    named = getattr(importlib.import_module(module), word)
    classes = [*named.__mro__, *getattr(named, "job_cls", object).__mro__]
    known = {parameter for one in classes for parameter in inspect.signature(one.__init__).parameters}
    assert set(cluster.arguments) <= known


def test_the_job_of_slurm_is_a_script_that_names_what_it_needs():
    subprocess.run(["bash", "-n", FOLDER / "slurm.sbatch"], check=True)
    missing = subprocess.run(
        ["bash", FOLDER / "slurm.sbatch"], env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=False
    )
    assert missing.returncode != 0
    assert "the plan to run" in missing.stderr


def test_the_job_of_slurm_starts_the_scheduler_the_workers_and_the_run(tmp_path):
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    said = tmp_path / "said"
    programs = {
        "srun": '"$@"',
        "dask": f'echo "dask $*" >> {said}; exec sleep 5',
        "voxmine": f'until [ "$(wc -l < {said})" = 2 ]; do sleep 0.05; done; echo "voxmine $*" >> {said}',
    }
    for name, script in programs.items():
        (bin_folder / name).write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
        (bin_folder / name).chmod(0o755)
    environment = {
        "PATH": f"{bin_folder}:/usr/bin:/bin",
        "PLAN": "plan.yaml",
        "SECRETS": "secrets",
        "SLURM_CPUS_PER_TASK": "16",
        "SLURM_MEM_PER_NODE": "65536",
    }
    subprocess.run(["bash", FOLDER / "slurm.sbatch"], env=environment, check=True, capture_output=True, timeout=20)
    scheduler, worker, run = sorted(said.read_text(encoding="utf-8").splitlines())
    address = run.rpartition("=")[2]
    assert run == f"voxmine run plan.yaml --set compute.scheduler={address}"
    assert address.startswith("tls://")
    assert address in worker
    assert "--memory-limit 4096MiB" in worker
    for line in (scheduler, worker):
        _, word, *options = line.split()
        DASK[word].make_context(word, options)


def containers():
    spec = next(one for one in MANIFESTS if one["kind"] == "DaskCluster")["spec"]
    return [(part, spec[part]["spec"], spec[part]["spec"]["containers"][0]) for part in ("scheduler", "worker")]


def test_the_cluster_of_kubernetes_is_closed_to_others():
    kinds = {one["kind"]: one for one in MANIFESTS}
    assert kinds["NetworkPolicy"]["spec"]["ingress"] == [{"from": [{"podSelector": {}}]}]
    assert {one["metadata"].get("namespace", one["metadata"]["name"]) for one in MANIFESTS} == {"voxmine"}
    for _, pod, container in containers():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def test_the_containers_of_kubernetes_run_dask_with_certificates_that_are_mounted():
    for part, pod, container in containers():
        program, word, *options = [text.replace("$(DASK_WORKER_NAME)", "one") for text in container["args"]]
        assert (program, word) == ("dask", part)
        DASK[word].make_context(word, options)
        mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
        assert set(mounts.values()) == {volume["name"] for volume in pod["volumes"]}
        paths = [one["value"] for one in container["env"] if one["value"].startswith("/run/")]
        assert len(paths) == 5  # the key of pseudonyms stays with the run
        assert all(path.rpartition("/")[0] in mounts for path in paths)
        assert container["image"].endswith(f"/voxmine:{VERSION}")


def test_a_worker_of_kubernetes_finds_the_scheduler_by_the_name_the_operator_gives_its_service():
    name = next(one for one in MANIFESTS if one["kind"] == "DaskCluster")["metadata"]["name"]
    (address,) = [word for word in containers()[1][2]["args"] if word.startswith("tls://")]
    assert address == f"tls://{name}-scheduler.voxmine.svc:8786"
