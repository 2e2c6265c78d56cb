"""The lineage of a run in the words of others: PROV, OpenLineage, RO-Crate, and as a picture."""
