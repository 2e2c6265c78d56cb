"""The results of a run as assets of Prefect: events, for its open-source server knows assets no other way."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from prefect.assets import Asset, AssetProperties
from prefect.context import AssetContext
from prefect.events import emit_event

if TYPE_CHECKING:
    from data_catalog.refs import Ref
    from data_catalog.store import Store
    from flows.results import Results

_REFUSED = re.compile(r"[^A-Za-z0-9_.+-]+")
"""What the key of an asset may not hold, and what it should not."""


def emit_assets(study: str, results: Results, store: Store) -> None:
    """Tell Prefect of each result: its name, its digest, and from which other results it was made."""
    assets = {ref: _asset(study, name) for name, ref in results.refs()}
    for name, ref in results.refs():
        made_from = {parent for record in store.records(ref) for parent in record.parents()}
        upstream = [assets[one] for one in sorted(made_from & assets.keys(), key=lambda one: one.digest)]
        for asset in upstream:
            emit_event("prefect.asset.referenced", resource=AssetContext.asset_as_resource(asset), related=[])
        emit_event(
            "prefect.asset.materialization.succeeded",
            resource=AssetContext.asset_as_resource(_asset(study, name)),
            related=[
                *(AssetContext.asset_as_related(one) for one in upstream),
                AssetContext.related_materialized_by("voxmine"),
            ],
            payload=_told(ref),
        )


def _asset(study: str, name: str) -> Asset:
    """Return the asset of a result; its key is the same in every run of the study."""
    return Asset(
        key=f"voxmine://{study}/{_REFUSED.sub('-', name)}", properties=AssetProperties(name=f"{study}: {name}")
    )


def _told(ref: Ref) -> dict[str, str]:
    return {"kind": ref.kind, "sha256": ref.digest, "why": f"voxmine why {ref.short}"}
