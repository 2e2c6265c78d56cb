import pytest
from pydantic import ValidationError

from tasks.synthetic.truths import PlantedRule


def test_a_name_is_found_anywhere_and_a_birth_date_only_where_it_stands_alone(standard):
    truths = standard[1]
    name = truths.patients[0].patient_id
    born = next(identity for identity in truths.identities if identity.isdigit())
    assert truths.identities_in(b"x" + name.encode() + b"y") == [name]
    assert truths.identities_in(b"born " + born.encode() + b".") == [born]
    for number in (b"0." + born.encode(), born.encode() + b"7", b"9f" + born.encode()):
        assert truths.identities_in(number) == []
    assert truths.identities_in(b"0." + born.encode() + b" " + born.encode()) == [born]


def test_nothing_is_found_in_nothing(standard):
    assert standard[1].identities_in(b"") == []


def test_truths_are_frozen_and_refuse_unknown_fields(standard):
    with pytest.raises(ValidationError):
        standard[1].seed = 8
    with pytest.raises(ValidationError, match="Extra inputs"):
        PlantedRule(colour="blue")


def test_the_rule_names_columns_that_the_clinical_table_has(standard):
    folder, truths = standard
    header = (folder / "clinical.csv").read_text().split("\n", 1)[0].split(",")
    assert {truths.rule.clinical_column, truths.rule.outcome_column} <= set(header)
