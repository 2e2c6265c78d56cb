import hashlib
import io
import json

import numpy as np
import pandas as pd
import pydicom
import pytest
from scipy.stats import binomtest, fisher_exact, hypergeom
from sklearn.metrics import roc_auc_score

from data_catalog.errors import PlanError
from tasks.synthetic.cohort import add_patient, write_cohort
from tasks.synthetic.identities import person
from tasks.synthetic.truths import Truths


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def standardised_difference(values, groups):
    one, other = (values[groups == group] for group in np.unique(groups))
    return abs(one.mean() - other.mean()) / np.sqrt((one.var() + other.var()) / 2)


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(tmp_path):
    first = write_cohort(tmp_path / "a", patients=4)
    assert write_cohort(tmp_path / "b", patients=4) == first
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    write_cohort(tmp_path / "c", seed=8, patients=4)
    assert not set(digests(tmp_path / "a").values()) & set(digests(tmp_path / "c").values())


def test_fewer_than_four_patients_are_refused_before_anything_is_written(tmp_path):
    with pytest.raises(PlanError, match="at least 4 patients: 3 asked for"):
        write_cohort(tmp_path / "few", patients=3)
    assert not (tmp_path / "few").exists()


def test_a_folder_that_holds_scans_is_refused(tmp_path):
    (tmp_path / "scans").mkdir()
    with pytest.raises(PlanError, match="without scans"):
        write_cohort(tmp_path, patients=4)


def test_the_truths_lie_beside_the_sources_and_read_back(standard):
    folder, truths = standard
    assert Truths.model_validate_json((folder / "truths.json").read_text()) == truths
    assert len(truths.patients) == 40


def test_the_cohort_takes_less_than_forty_megabytes(reading):
    assert sum(map(len, reading.files.values())) < 40e6


def test_every_fifth_patient_comes_as_an_archive(standard):
    folder, _ = standard
    assert sum(path.suffix == ".zip" for path in (folder / "scans").iterdir()) == 8
    assert len(list((folder / "scans").iterdir())) == 41


def test_the_planted_rule_is_significant_and_far_more_so_than_its_halves(standard):
    _, truths = standard
    table = pd.DataFrame([p.model_dump() for p in truths.patients])
    both = fisher_exact(truths.fisher_table, "greater").pvalue
    assert truths.fisher_table == ((10, 0), (2, 28))
    assert both < 1e-7
    for half in (table.texture == "high", table.texture != "low", table.marker == "positive"):
        counts = pd.crosstab(~half, table.progression)[["yes", "no"]].to_numpy()
        assert fisher_exact(counts, "greater").pvalue > 100 * both


@pytest.mark.parametrize("heterogeneity", ["sd_hu", "contrast"])
@pytest.mark.parametrize("bins", [2, 3])
def test_the_rule_is_found_in_the_written_voxels_with_halves_and_with_thirds(measured, heterogeneity, bins):
    high = pd.qcut(measured[heterogeneity], bins, labels=False) == bins - 1
    found = high & (measured.marker == "positive")
    planted = (measured.texture == "high") & (measured.marker == "positive")
    assert found.tolist() == planted.tolist()


def test_no_other_pair_of_items_comes_near_the_planted_rule(standard, measured):
    clinical = pd.read_csv(standard[0] / "clinical.csv").iloc[:40]
    columns = clinical.drop(columns=["patient_id", "progression", "first_visit"]).join(
        measured[["manufacturer", "sd_hu", "voxels", "mean_hu", "mean_suv", "days_between_visits"]]
    )
    progressed = (clinical.progression == "yes").to_numpy()
    for bins in (2, 3):
        items = _items(columns, bins)
        best = {
            (first, second): _smaller_tail(in_first & in_second, progressed)
            for i, (first, in_first) in enumerate(items)
            for second, in_second in items[i:]
        }
        (winner, p_value), *others = sorted(best.items(), key=lambda rule: rule[1])
        assert set(winner) == {("marker", "positive"), ("sd_hu", str(bins - 1))}
        assert p_value < 1e-7
        without_texture = [p for names, p in others if "sd_hu" not in {column for column, _ in names}]
        assert min(without_texture) > 1e-3
        # Holm over all searched, both directions: texture alone is true, by consequence, and does not pass.
        assert min(p for _, p in others) * 2 * len(others) > 0.01


def _smaller_tail(met, progressed):
    """Return Fisher's smaller one-sided p-value."""
    both, counts = (met & progressed).sum(), (len(met), progressed.sum(), met.sum())
    return min(hypergeom.sf(both - 1, *counts), hypergeom.cdf(both, *counts))


def _items(columns, bins):
    items = []
    for name, values in columns.items():
        few = values.dtype.kind not in "if" or values.nunique() < 4
        levels = values if few else pd.qcut(values, bins, labels=False)
        items += [((name, str(level)), (levels == level).to_numpy()) for level in levels.dropna().unique()]
    return items


def test_texture_and_marker_predict_progression_and_volume_does_not(measured):
    progressed = measured.progression == "yes"
    score = measured.sd_hu / measured.sd_hu.std() + 2.0 * (measured.marker == "positive")
    assert roc_auc_score(progressed, score) > 0.85
    assert 0.42 < roc_auc_score(progressed, measured.voxels) < 0.58
    assert abs(measured.voxels.corr(measured.sd_hu, method="spearman")) < 0.15


def test_the_scanner_moves_the_mean_of_ct_and_nothing_else(standard, measured):
    _, truths = standard
    scanner_b = measured.manufacturer == truths.scanners.manufacturer_b
    assert (scanner_b == (measured.scanner == "B")).all()
    assert scanner_b.sum() == 20
    shift = measured.mean_hu[scanner_b].mean() - measured.mean_hu[~scanner_b].mean()
    assert shift == pytest.approx(truths.scanners.offset_hu, abs=2.0)
    assert standardised_difference(measured.mean_hu, scanner_b) > 2.0
    for unmoved in (measured.sd_hu, measured.mean_suv, measured.voxels, measured.progression == "yes"):
        assert standardised_difference(unmoved, scanner_b) < 0.5


def test_volumes_and_the_readers_agreement_are_as_said(standard, measured):
    _, truths = standard
    np.testing.assert_allclose(measured.voxels * 3.0 * 1.25 * 1.0, measured.tumour_volume_mm3)
    np.testing.assert_allclose(measured.measured_dice, measured.dice)
    assert 0.85 < truths.mean_dice < 0.9


def test_the_texture_inside_the_contour_is_as_planted(measured):
    noise_hu = 6.0
    np.testing.assert_allclose(measured.sd_hu, np.hypot(measured.texture_hu, noise_hu), rtol=0.15)


def test_the_missing_slice_is_missing_and_was_contoured(standard, reading):
    missing = standard[1].missing_slice
    image = reading.images[missing.patient_id, "2", "CT"]
    steps = np.diff(image.heights)
    assert len(image.heights) == missing.slices_expected - 1
    np.testing.assert_allclose(np.delete(steps, missing.slice_index - 1), 3.0, atol=1e-5)
    assert steps[missing.slice_index - 1] == pytest.approx(6.0)
    gap = image.heights[missing.slice_index - 1] + 3.0
    contours = reading.structures[missing.patient_id, "2", "CT/reader-A"].ROIContourSequence[0].ContourSequence
    assert any(abs(np.array(c.ContourData[:3], float) @ image.axes[0] - gap) < 1e-3 for c in contours)


def test_only_the_series_with_a_fault_are_short(standard, reading):
    _, truths = standard
    short = {key for key, image in reading.images.items() if len(image.slices) != {"CT": 20, "PT": 14}[key[2]]}
    assert short == {(fault.patient_id, "2", "CT") for fault in (truths.missing_slice, truths.corrupt_file)}


def test_the_corrupt_file_ends_inside_its_pixels_and_has_a_whole_header(standard, reading):
    corrupt = standard[1].corrupt_file
    content = reading.files[corrupt.file]
    header = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
    assert header.PatientID == corrupt.patient_id
    begins = content.rindex(b"\xe0\x7f\x10\x00OW\x00\x00") + 12
    assert 0 < len(content) - begins < header.Rows * header.Columns * 2


def test_the_patient_registered_twice_has_equal_voxels_and_no_uid_in_common(standard, reading):
    twice = standard[1].duplicate
    for visit, modality in (("1", "CT"), ("1", "PT"), ("2", "CT")):
        one, other = (reading.images[who, visit, modality] for who in (twice.patient_id, twice.copy_id))
        np.testing.assert_array_equal(one.voxels, other.voxels)
        np.testing.assert_array_equal(one.positions, other.positions)
        assert one.slices[0].PatientName != other.slices[0].PatientName
        for name in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "SOPInstanceUID"):
            assert one.slices[0][name].value != other.slices[0][name].value


def test_the_tables_have_the_second_registration_too(standard):
    folder, truths = standard
    for table in ("clinical.csv", "events.csv"):
        rows = pd.read_csv(folder / table, dtype=str, keep_default_na=False).set_index("patient_id")
        one, other = (rows.loc[[who]].to_numpy() for who in (truths.duplicate.patient_id, truths.duplicate.copy_id))
        np.testing.assert_array_equal(one, other)
        assert rows.index.nunique() == 41


def test_visits_are_dated_and_sixty_to_a_hundred_and_twenty_days_apart(standard, reading):
    for patient in standard[1].patients:
        first, second = (
            pd.Timestamp(reading.images[patient.patient_id, visit, "CT"].slices[0].StudyDate) for visit in "12"
        )
        assert first.date() == patient.first_visit
        assert (second - first).days == patient.days_between_visits
        assert 60 <= patient.days_between_visits <= 120


def test_steroids_before_infection_is_the_only_order_of_events(standard):
    folder, truths = standard
    events = pd.read_csv(folder / "events.csv", parse_dates=["date"])
    events = events[events.patient_id != truths.duplicate.copy_id]
    at = events.pivot(index="patient_id", columns="event", values="date")
    assert truths.sequence_counts == (24, 1)
    for first in at.columns:
        for second in at.columns.drop(first):
            before, after = (at[first] < at[second]).sum(), (at[first] > at[second]).sum()
            p_value = binomtest(before, before + after, alternative="greater").pvalue
            if (first, second) == truths.sequence:
                assert (before, after) == truths.sequence_counts
                assert p_value < 1e-5
            else:
                assert p_value > 0.05
    days = (at.infection - at.steroids).dt.days
    assert days[days > 0].between(7, 30).all()


def test_no_two_events_of_a_patient_fall_on_one_day_and_the_ct_is_the_first_visit(standard):
    folder, truths = standard
    events = pd.read_csv(folder / "events.csv")
    assert not events.duplicated(["patient_id", "date"]).any()
    scans = events[events.event == "CT"].set_index("patient_id").date
    assert all(scans[p.patient_id] == p.first_visit.isoformat() for p in truths.patients)


def test_every_identity_stands_somewhere_in_paths_headers_or_tables(standard, reading):
    # The headers of three files of each series; their voxels would only slow the search.
    kept = [path for path in reading.files if path.endswith((".csv", "IM0001.dcm", "IM0002.dcm", "IM0003.dcm"))]
    everything = b"\n".join(
        path.encode() + b"\n" + reading.files[path][: 3000 if path.endswith(".dcm") else None] for path in kept
    )
    assert standard[1].identities_in(everything) == list(standard[1].identities)


def test_identities_are_long_enough_to_search_for(standard):
    assert min(map(len, standard[1].identities)) >= 6
    assert len(set(standard[1].identities)) == len(standard[1].identities)


def test_every_name_in_a_header_is_among_the_identities(standard, reading):
    known = set(standard[1].identities)
    keywords = (
        "PatientName", "PatientID", "PatientBirthDate", "PatientAddress", "PatientTelephoneNumbers", "AccessionNumber",
        "ReferringPhysicianName", "InstitutionName", "InstitutionAddress",
    )  # fmt: skip
    for dataset in [image.slices[0] for image in reading.images.values()] + list(reading.structures.values()):
        assert {str(dataset[keyword].value) for keyword in keywords} <= known
        assert dataset[0x0011, 0x1001].value in known
    assert {str(dataset.OperatorsName) for dataset in reading.structures.values()} <= known
    assert {path.split("/")[1] for path in reading.files if path.startswith("scans/")} <= known


def test_values_are_missing_in_a_few_cells_and_never_in_a_planted_column(standard):
    clinical = pd.read_csv(standard[0] / "clinical.csv", keep_default_na=False).replace("", np.nan)
    missing = clinical.isna().sum()
    assert 3 <= missing.sum() <= 15
    assert missing[["patient_id", "marker", "progression", "first_visit"]].sum() == 0


def test_one_more_patient_leaves_every_other_file_as_it_was(tmp_path):
    write_cohort(tmp_path, patients=6)
    before, tables = digests(tmp_path), (tmp_path / "clinical.csv").read_text()
    truths = add_patient(tmp_path, seed=7, number=6)
    after = digests(tmp_path)
    changed = {path for path in before if after[path] != before[path]}
    assert changed == {"clinical.csv", "events.csv", "truths.json"}
    assert (tmp_path / "clinical.csv").read_text().startswith(tables)
    added = {path for path in after if path not in before}
    who = truths.patients[-1]
    (folder,) = {path.split("/")[1] for path in added}
    assert folder in truths.identities
    assert folder.endswith(who.patient_id)
    assert len(added) == 20 + 14 + 20 + 4
    assert not who.meets_rule
    assert json.loads((tmp_path / "truths.json").read_text())["patients"][-1]["patient_id"] == who.patient_id
    assert pd.read_csv(tmp_path / "events.csv").patient_id.iloc[-1] == who.patient_id


def test_one_more_patient_needs_a_cohort_of_the_same_seed_and_a_free_number(tmp_path):
    with pytest.raises(PlanError, match="there is none"):
        add_patient(tmp_path, seed=7, number=4)
    write_cohort(tmp_path, patients=4)
    with pytest.raises(PlanError, match="there is none"):
        add_patient(tmp_path, seed=8, number=4)
    with pytest.raises(PlanError, match="the number is taken"):
        add_patient(tmp_path, seed=7, number=3)


def test_no_two_people_share_a_family_name_or_an_identifier(standard):
    born = standard[1].patients[0].first_visit
    people = [person(7, number, born) for number in range(192)]
    assert len({who.family for who in people}) == len({who.patient_id for who in people}) == 192
