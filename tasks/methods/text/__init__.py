"""Text: methods that find in reports what the plan names, and keep nothing else of them."""

from tasks.methods.text.finding_terms import FindingTerms

TextMiner = FindingTerms
