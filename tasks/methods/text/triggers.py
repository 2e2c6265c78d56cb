"""Words that negate or cast doubt on what stands after or before them, as NegEx and ConText list them.

English: Chapman WW et al. (2001), J Biomed Inform 34:301-310, doi:10.1006/jbin.2001.1029; Harkema H et al. (2009),
J Biomed Inform 42:839-851, doi:10.1016/j.jbi.2009.05.002. German: after Cotik V et al. (2016), BioTxtM 2016, 115-124.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Triggers:
    """Hold the triggers of a language.

    Parameters
    ----------
    negates_after, negates_before : tuple of str
        Negate what stands after, or before, them.
    doubts_after, doubts_before : tuple of str
        Cast doubt on what stands after, or before, them.
    others_after : tuple of str
        Say that what stands after them is of somebody else in the family.
    pseudo : tuple of str
        Look like negations and are none.
    ends : tuple of str
        End what a trigger reaches.
    plural : str
        Regular expression of the endings that a word may take.
    shortened : tuple of str
        Words written with a full stop that ends no sentence.
    """

    negates_after: tuple[str, ...]
    negates_before: tuple[str, ...]
    doubts_after: tuple[str, ...]
    doubts_before: tuple[str, ...]
    others_after: tuple[str, ...]
    pseudo: tuple[str, ...]
    ends: tuple[str, ...]
    plural: str
    shortened: tuple[str, ...]


ENGLISH = Triggers(
    negates_after=(
        "absence of", "cannot see", "clear of", "declined", "denied", "denies", "denying", "does not show",
        "fails to reveal", "is unlikely to be", "is unlikely to represent", "free of", "free from", "negative for",
        "never had", "never developed", "neither", "nor",
        "no", "no abnormal", "no convincing", "no definite", "no definitive", "no evidence", "no evidence for",
        "no evidence of", "no evidence to suggest", "no findings of", "no findings to indicate", "no focal",
        "no indication of", "no mammographic evidence of", "no new", "no new evidence of", "no other",
        "no radiographic evidence of", "no sign of", "no significant", "no signs of", "no sonographic evidence of",
        "no suggestion of", "no suspicious", "not", "not appreciate", "not associated with", "not demonstrate",
        "not exhibit", "not have", "not reveal", "not see", "not show", "not to be", "rather than", "rules out",
        "unlikely to be", "unlikely to represent", "with no", "with no evidence of", "without",
        "without any evidence of", "without evidence", "without evidence of",
        "without indication of", "without sign of", "without signs of",
    ),
    negates_before=(
        "absent", "are absent", "are excluded", "are negative", "are not identified", "are not present",
        "are not seen", "are not visualized", "are ruled out", "free", "has been excluded", "has been ruled out",
        "has resolved", "have been excluded", "have been ruled out", "have resolved", "is absent", "is excluded",
        "is negative", "is not identified", "is not present", "is not seen", "is not visualized", "is ruled out",
        "is unlikely", "negative", "no longer demonstrated", "no longer evident", "no longer identified",
        "no longer present", "no longer seen", "no longer visible", "no longer visualised", "no longer visualized",
        "none",
        "not appreciated", "not demonstrated", "not detected", "not evident", "not found", "not identified",
        "not noted", "not observed", "not present", "not seen", "not visible", "not visualised", "not visualized",
        "resolved", "ruled out", "unlikely", "was excluded", "was negative", "was not seen", "was ruled out",
    ),
    doubts_after=(
        "cannot be certain of", "cannot exclude", "can not exclude", "cannot rule out", "concern for",
        "concerning for", "could be", "could represent", "does not exclude", "equivocal for", "evaluate for",
        "indeterminate", "likely", "may be", "may represent", "may reflect", "might be", "might represent",
        "not exclude", "not rule out", "possible", "possibility of", "possibly", "presumed", "probable", "probably",
        "query", "question of", "questionable", "r/o", "rule out", "suggestive of", "suggesting", "suggests",
        "suspect", "suspected", "suspicion for", "suspicion of", "suspicious for", "to exclude", "to rule out",
        "worrisome for",
    ),
    doubts_before=(
        "can not be excluded", "can not be ruled out", "cannot be entirely excluded", "cannot be excluded",
        "cannot be ruled out", "are possible", "are suspected", "could not be excluded", "could not be ruled out",
        "has not been excluded", "has not been ruled out", "have not been excluded", "is likely", "is not excluded",
        "is possible", "is probable", "is questionable", "is suspected", "may be considered", "not be excluded",
        "not be ruled out", "not excluded", "not ruled out", "should be considered", "should be excluded",
        "should be ruled out", "to be excluded", "to be ruled out", "unknown", "was suspected",
    ),
    others_after=(
        "aunt had", "brother had", "brother with", "familial history of", "family history", "family history of",
        "family hx of", "father had", "father with", "grandfather had", "grandmother had", "mother had", "mother with",
        "sister had", "sister with", "uncle had",
    ),
    pseudo=(
        "gram negative", "no change", "no change in", "no definite change", "no difficulty", "no further",
        "no increase", "no increase in", "no interval change", "no interval change in", "no interval growth",
        "no significant change", "no significant change in", "no significant interval change", "not cause",
        "not certain if", "not certain whether", "not extend", "not necessarily", "not only",
        "not significantly changed", "unlikely to change", "without change", "without change in", "without difficulty",
        "without interval change", "without significant change",
    ),
    ends=(
        "although", "apart from", "are noted", "are present", "are seen", "as a cause for", "as a cause of",
        "aside from", "because of", "but", "cause for", "cause of", "due to", "etiology for", "except", "except for",
        "however", "in the setting of", "is noted", "is present", "is seen", "nevertheless", "other than", "otherwise",
        "secondary to", "since", "still", "there are", "there is", "though", "which", "who", "yet",
    ),
    plural="(?:s|es)?",
    shortened=("approx", "ca", "dr", "e.g", "fig", "i.e", "incl", "max", "min", "mr", "mrs", "resp", "st", "vs"),
)  # fmt: skip

GERMAN = Triggers(
    negates_after=(
        "ausschluss", "ausschluss eines", "ausschluss einer", "ausschluss von", "frei von", "kein", "keine", "keinen",
        "keinem", "keiner", "keinerlei", "kein anhalt für", "keine anzeichen für", "kein beweis für",
        "kein hinweis auf", "keine hinweise auf", "keine zeichen einer", "keine zeichen eines", "kein nachweis",
        "kein nachweis von", "kein nachweis einer", "kein nachweis eines", "nicht", "noch", "ohne", "ohne anhalt für",
        "ohne hinweis auf", "ohne hinweise auf", "ohne nachweis", "ohne nachweis von", "ohne zeichen einer",
        "ohne zeichen eines", "weder",
    ),
    negates_before=(
        "ausgeschlossen", "fehlt", "fehlen", "ist ausgeschlossen", "konnte ausgeschlossen werden", "nicht abgrenzbar",
        "nicht darstellbar", "nicht erkennbar", "nicht mehr nachweisbar", "nicht nachgewiesen", "nicht nachweisbar",
        "nicht sichtbar", "nicht vorhanden", "nicht zu erkennen", "unwahrscheinlich", "wurde ausgeschlossen",
    ),
    doubts_after=(
        "am ehesten", "dd", "fraglich", "fragliche", "fraglicher", "fragliches", "mögliche", "möglicher",
        "möglicherweise", "mögliches", "v.a.", "v. a.", "verdacht auf", "vermutlich", "wahrscheinlich", "z.a.",
        "zum ausschluss",
    ),
    doubts_before=(
        "ist möglich", "möglich", "kann nicht ausgeschlossen werden", "nicht auszuschließen", "nicht ausgeschlossen",
        "nicht ausschließbar", "nicht sicher auszuschließen", "wäre möglich",
    ),
    others_after=(
        "bruder hatte", "bruder mit", "familienanamnese", "familienanamnestisch", "familiär", "mutter hatte",
        "mutter mit", "schwester hatte", "schwester mit", "vater hatte", "vater mit",
    ),
    pseudo=(
        "kein unterschied", "keine änderung", "keine befundänderung", "keine veränderung",
        "keine wesentliche änderung", "keine größenzunahme", "keine zunahme", "nicht nur",
        "nicht wesentlich verändert", "ohne änderung", "ohne veränderung", "ohne zunahme",
    ),
    ends=(
        "aber", "allerdings", "ausgenommen", "außer", "bis auf", "dagegen", "dennoch", "hingegen", "jedoch", "obwohl",
        "sondern", "trotzdem", "wobei", "zeigt sich", "zeigen sich",
    ),
    plural="(?:e|en|er|es|em|n|s)?",
    shortened=(
        "a", "abb", "bds", "bzw", "ca", "d.h", "dr", "ggf", "i.v", "inkl", "li", "max", "min", "re", "s", "u.a", "v",
        "v.a", "z", "z.a", "z.b", "z.n", "zn",
    ),
)  # fmt: skip

LANGUAGES = {"en": ENGLISH, "de": GERMAN}
