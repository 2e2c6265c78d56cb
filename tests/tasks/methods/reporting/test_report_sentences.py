import pytest

from tasks.methods.learning.controls import LeakReport, Permutations
from tasks.methods.learning.delong import DeLong
from tasks.methods.reporting import sentences
from tasks.methods.reporting.data import Comparison
from tasks.methods.reporting.parts import FeatureAgreement, ScannerEffect
from tasks.methods.rules.rule import Counts, FoldCheck, RuleSet
from tasks.methods.rules.sequence_rule import SequenceSet

NO_RULES = RuleSet(rules=(), found=0, searched=2310, rows=40, adjust="holm", alpha=0.05)
NO_SEQUENCES = SequenceSet(rules=(), found=0, searched=12, patients=30, adjust="by", alpha=0.01)


def compared(difference, error, model="Logistic regression", control="Tumour volume alone"):
    test = DeLong(first_auc=0.5 + difference, second_auc=0.5, standard_error=error)
    return Comparison(model=model, control=control, test=test)


def effect(adjusted_p):
    return ScannerEffect(label="f", scanners=2, rows=40, epsilon_squared=0.1, p=adjusted_p, adjusted_p=adjusted_p)


def agreement(icc):
    return FeatureAgreement(label="f", icc=icc, low=icc, high=icc, subjects=10, readers=2)


def test_the_leak_is_told_in_plain_words():
    said = sentences.leak_words(LeakReport(in_fold_auc=0.71, leaky_auc=0.84))
    assert said.startswith("Selecting features before the split would have shown AUC 0.84 instead of 0.71.")
    assert "The 0.13 between them is optimism" in said


@pytest.mark.parametrize("leaky", [0.71, 0.66])
def test_a_leak_that_gains_nothing_is_not_called_optimism(leaky):
    said = sentences.leak_words(LeakReport(in_fold_auc=0.71, leaky_auc=leaky))
    assert "gained nothing" in said
    assert "optimism" not in said


def test_a_search_without_success_is_said_plainly():
    said = sentences.rules_headline(NO_RULES, "progression")
    assert said == "No rule on progression is claimed among 2,310 searched."
    assert sentences.sequences_headline(NO_SEQUENCES).startswith("No order of events reached significance")
    assert sentences.associations_headline(NO_RULES) == (
        "No association is claimed among 2,310 searched. None reached the thresholds of support, confidence and lift."
    )


def test_rules_found_are_counted_with_their_adjustment(filled):
    assert sentences.rules_headline(filled.rules, "progression") == (
        "1 rule on progression is claimed among 2,310 searched (p ≤ 0.05 after Holm's adjustment)."
    )


def test_associations_that_were_not_kept_are_owned_up_to(filled):
    more = filled.associations.model_copy(update={"found": 5000})
    assert sentences.associations_headline(more) == (
        "1 association is claimed among 644 searched (p ≤ 0.05 after Holm's adjustment). 5,000 reached the thresholds "
        "of support, confidence and lift, of which 6 were kept."
    )
    single = more.model_copy(update={"rules": more.rules[:1]})
    assert sentences.associations_headline(single).endswith("of which 1 was kept.")
    assert "kept" not in sentences.associations_headline(filled.associations)


@pytest.mark.parametrize(
    ("echoes", "said"),
    [(1, "; 1 more is significant but says the same as a better one."), (2, "; 2 more are significant but say the")],
)
def test_rules_that_echo_a_better_one_are_counted_apart(filled, echoes, said):
    first = filled.rules.claimed[0]
    echo = first.model_copy(update={"explained_by": first.claim})
    headline = sentences.rules_headline(filled.rules.model_copy(update={"rules": (first, *(echo,) * echoes)}), "death")
    assert headline.startswith("1 rule on death is claimed among 2,310 searched")
    assert said in headline


def test_several_claimed_rules_are_counted_and_the_first_is_said(filled):
    rules = filled.rules.model_copy(update={"rules": filled.rules.claimed * 3})
    said = sentences.glance(filled.model_copy(update={"rules": rules}))[2]
    assert said.startswith("3 rules on progression are claimed among 2,310 searched")
    assert "adjustment). First: If marker is positive" in said


def test_held_out_counts_are_told_apart_from_none(filled):
    rule = filled.rules.claimed[0]
    nothing = {"a": 0, "b": 0, "c": 0, "d": 0, "found_in_folds": 0}
    lost = rule.model_copy(update={"held_out": rule.held_out.model_copy(update=nothing)})
    unseen = rule.model_copy(update={"held_out": None})
    rules = filled.rules.model_copy(update={"rules": (rule, lost, unseen)})
    cards = filled.model_copy(update={"rules": rules}).cards("rule")
    assert [sentences.held_out_share(card) for card in cards] == ["10 of 14 (71\u00a0%)", "not found again", "–"]


def test_a_rule_that_only_echoes_is_not_claimed_and_so_not_found(filled):
    echo = filled.rules.claimed[0].model_copy(update={"explained_by": "a better rule"})
    echoes = filled.rules.model_copy(update={"rules": (echo,)})
    said = sentences.not_found(filled.model_copy(update={"comparisons": (), "rules": echoes}))
    assert said == ["No rule on progression is claimed among 2,310 searched."]


def test_a_difference_beyond_chance_is_called_so():
    assert sentences.difference_words(compared(0.3, 0.1)) == (
        "the difference by DeLong's test, 0.30 (0.10 to 0.50), is more than chance explains (p = 0.003)"
    )


def test_a_difference_within_chance_is_called_so():
    assert sentences.difference_words(compared(0.05, 0.1), ", one of 3").endswith(
        "is within what chance explains (p = 0.62, one of 3)"
    )


def test_a_comparison_that_was_not_made_says_why():
    untested = Comparison(model="A model", control="Volume alone", test=None, reason="One row per patient.")
    assert sentences.difference_words(untested) == "the difference was not tested: One row per patient."


def test_few_shuffles_give_no_p_value(models):
    assert "give no p-value" in sentences.permutation_words(models[0])


def test_many_shuffles_give_a_p_value(models):
    shuffled = models[0].model_copy(update={"permutations": Permutations(aucs=(0.5,) * 99)})
    assert sentences.permutation_words(shuffled).endswith("by chance: p = 0.010.")


def test_a_model_without_shuffles_says_so(models):
    assert sentences.permutation_words(models[1]) == "Random forest was not tried on shuffled outcomes."


def test_the_headline_names_the_best_model_and_the_first_control(filled):
    said = sentences.model_headline(filled)
    assert said.startswith("The best of 3 models, logistic regression, reached an AUC of 0.94 (0.86 to 1.00)")
    assert "Tumour volume alone reached 0.56 (0.37 to 0.75); the difference" in said
    assert said.endswith("(p < 0.001, not adjusted for naming the best of 3).")
    assert "Clinical columns alone" not in said


def test_a_single_model_is_not_the_best_of_several(filled):
    alone = filled.model_copy(update={"models": filled.models[:1], "comparisons": ()})
    assert sentences.model_headline(alone).startswith("The model, logistic regression,")
    assert "not adjusted" not in sentences.model_headline(filled.model_copy(update={"models": filled.models[::3]}))


@pytest.mark.parametrize(
    ("p_values", "said"),
    [
        ((0.001, 0.2, None), "1 feature differs between scanners among 2 tested (adjusted p ≤ 0.05): 50\u00a0%."),
        ((0.2, 0.3), "No feature was shown to differ between scanners among 2 tested."),
        ((None,), "No feature could be tested for a difference between scanners."),
    ],
)
def test_scanner_effects_are_counted(p_values, said):
    assert sentences.scanner_words([effect(p) for p in p_values]) == said


def test_agreement_is_named_after_koo_and_li():
    rows = [agreement(icc) for icc in (0.95, 0.9, 0.75, 0.5, 0.49, -0.1, None)]
    assert sentences.agreement_words(rows) == (
        "Agreement of readers on 6 features, by ICC: 2 excellent, 1 good, 1 moderate, 2 poor."
    )
    assert sentences.agreement_words([agreement(None)]) == "Agreement on features could not be measured."
    assert sentences.agreement_words(rows[:1], "scans").startswith("Agreement of scans on 1 feature")


def test_held_out_shares_are_pooled_over_folds():
    fold = FoldCheck(found=2, training=Counts(a=8, b=2, c=0, d=0), held_out=Counts(a=1, b=1, c=0, d=0))
    said = sentences.held_out_words(NO_RULES.model_copy(update={"folds": (fold, fold)}))
    assert said.startswith("Mined anew in each of 2 training folds, rules were right for 80\u00a0% of the training")
    assert said.endswith("for 50\u00a0% of the held-out ones.")


def test_folds_without_rules_are_owned_up_to():
    nothing = Counts(a=0, b=0, c=0, d=0)
    empty = FoldCheck(found=0, training=nothing, held_out=nothing)
    unused = FoldCheck(found=1, training=Counts(a=5, b=0, c=1, d=1), held_out=nothing)
    assert sentences.held_out_words(NO_RULES) == ""
    assert "None of the 1 training folds" in sentences.held_out_words(NO_RULES.model_copy(update={"folds": (empty,)}))
    assert "for none of the held-out" in sentences.held_out_words(NO_RULES.model_copy(update={"folds": (unused,)}))


def test_all_that_was_not_found_is_listed(filled, models):
    chance = models[3].model_copy(update={"role": "model", "name": "Chance"})
    study = filled.model_copy(
        update={
            "models": (chance,),
            "comparisons": (compared(0.02, 0.1, "Chance"), compared(0.4, 0.1, "Chance", "Clinical columns alone")),
            "rules": NO_RULES,
            "associations": NO_RULES,
            "sequences": NO_SEQUENCES,
            "scanner_effects": (effect(0.4),),
        }
    )
    said = sentences.not_found(study)
    assert said[0] == "Chance was not shown to tell patients apart: its AUC's interval, 0.37 to 0.75, includes 0.5."
    assert said[1].startswith("Chance was not shown to be better than tumour volume alone: difference in AUC 0.02")
    assert [sentence.split(" ")[0] for sentence in said[2:]] == ["No"] * 4


def test_a_model_that_is_worse_than_a_control_is_not_better(filled):
    worse = filled.model_copy(update={"comparisons": (compared(-0.4, 0.1),)})
    assert any("not shown to be better" in sentence for sentence in sentences.not_found(worse))


def test_what_was_found_is_not_among_what_was_not(filled):
    found = filled.model_copy(update={"comparisons": ()})
    assert sentences.not_found(found) == []
    assert sentences.looked_for(found)


def test_an_empty_study_has_nothing_to_say(empty):
    assert sentences.glance(empty) == []
    assert sentences.not_found(empty) == []
    assert not sentences.looked_for(empty)


def test_who_came_in_and_went_out_is_counted(filled):
    assert sentences.cohort_words(filled) == (
        "41 patients with 164 series came in and 40 patients went out; 3 items were refused, each with its reason."
    )
    last = filled.model_copy(update={"flow": filled.flow[-1:]})
    assert sentences.cohort_words(last) == "40 patients came in and 40 patients went out; none was refused."


def test_the_glance_has_a_sentence_for_everything_that_was_done(filled):
    _, _, rules, sequences = sentences.glance(filled)
    assert "adjustment). If marker is positive and CT tumour intensity variance is high (> 420 HU²), then" in rules
    assert "in held-out folds 10 of 14." in rules
    assert sequences == (
        "Steroids is followed by infection in 27 of 30 patients (90\u00a0%), 36 days after steroids (median). 2 orders "
        "of events reached significance among 6 ordered pairs tested (p ≤ 0.05 after Holm's adjustment)."
    )


def test_the_glance_names_no_rule_where_none_is_significant(filled):
    nothing = filled.model_copy(update={"rules": NO_RULES, "sequences": NO_SEQUENCES})
    assert [said[-9:] for said in sentences.glance(nothing)[2:]] == ["searched.", "s tested."]
