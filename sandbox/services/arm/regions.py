"""Azure's regions: name, display name, geography group, longitude, latitude, paired region."""

from __future__ import annotations

from typing import Any

_TABLE = """
eastus|East US|US|-79.8164|37.3719|westus
eastus2|East US 2|US|-78.3889|36.6681|centralus
southcentralus|South Central US|US|-98.5|29.4167|northcentralus
westus2|West US 2|US|-119.852|47.233|westcentralus
westus3|West US 3|US|-112.074036|33.448376|eastus
australiaeast|Australia East|Asia Pacific|151.2094|-33.86|australiasoutheast
southeastasia|Southeast Asia|Asia Pacific|103.833|1.283|eastasia
northeurope|North Europe|Europe|-6.2597|53.3478|westeurope
swedencentral|Sweden Central|Europe|17.14127|60.67488|swedensouth
uksouth|UK South|Europe|-0.799|50.941|ukwest
westeurope|West Europe|Europe|4.9|52.3667|northeurope
centralus|Central US|US|-93.6208|41.5908|eastus2
australiacentral|Australia Central|Asia Pacific|149.1244|-35.3075|australiacentral2
australiasoutheast|Australia Southeast|Asia Pacific|144.9631|-37.8136|australiaeast
brazilsouth|Brazil South|South America|-46.633|-23.55|southcentralus
canadacentral|Canada Central|Canada|-79.383|43.653|canadaeast
canadaeast|Canada East|Canada|-71.217|46.817|canadacentral
centralindia|Central India|Asia Pacific|73.9197|18.5822|southindia
eastasia|East Asia|Asia Pacific|114.188|22.267|southeastasia
francecentral|France Central|Europe|2.373|46.3772|francesouth
francesouth|France South|Europe|2.1972|43.8345|francecentral
germanynorth|Germany North|Europe|8.806422|53.073635|germanywestcentral
germanywestcentral|Germany West Central|Europe|8.682127|50.110924|germanynorth
israelcentral|Israel Central|Middle East|33.4506633|31.2655698|
italynorth|Italy North|Europe|9.18109|45.46888|
japaneast|Japan East|Asia Pacific|139.77|35.68|japanwest
japanwest|Japan West|Asia Pacific|135.5022|34.6939|japaneast
koreacentral|Korea Central|Asia Pacific|126.978|37.5665|koreasouth
koreasouth|Korea South|Asia Pacific|129.0756|35.1796|koreacentral
mexicocentral|Mexico Central|Mexico|-100.389888|20.588818|
northcentralus|North Central US|US|-87.6278|41.8819|southcentralus
norwayeast|Norway East|Europe|10.752245|59.913868|norwaywest
norwaywest|Norway West|Europe|5.733107|58.969975|norwayeast
polandcentral|Poland Central|Europe|21.01666|52.23334|
qatarcentral|Qatar Central|Middle East|51.439327|25.551462|
southafricanorth|South Africa North|Africa|28.21837|-25.73134|southafricawest
southafricawest|South Africa West|Africa|18.843266|-34.075691|southafricanorth
southindia|South India|Asia Pacific|80.1636|12.9822|centralindia
spaincentral|Spain Central|Europe|-3.4209|40.4259|
switzerlandnorth|Switzerland North|Europe|8.564572|47.451542|switzerlandwest
switzerlandwest|Switzerland West|Europe|6.143158|46.204391|switzerlandnorth
uaenorth|UAE North|Middle East|55.316666|25.266666|uaecentral
ukwest|UK West|Europe|-3.084|53.427|uksouth
westcentralus|West Central US|US|-110.234|40.89|westus2
westindia|West India|Asia Pacific|72.868|19.088|southindia
westus|West US|US|-122.417|37.783|eastus
centraluseuap|Central US EUAP|US|-93.6208|41.5908|eastus2euap
eastus2euap|East US 2 EUAP|US|-78.3889|36.6681|centraluseuap
"""
_ROWS = {row.split("|")[0]: row.split("|") for row in _TABLE.split("\n") if row}

NAMES = tuple(_ROWS)


def normal(location: str) -> str:
    """``West Europe`` → ``westeurope``."""
    return location.replace(" ", "").lower()


def known(location: str) -> bool:
    return normal(location) in _ROWS


def display_name(location: str) -> str:
    row = _ROWS.get(normal(location))
    return row[1] if row else location


_GEOGRAPHIES = {
    "australia": "Australia", "brazil": "Brazil", "canada": "Canada", "india": "India", "france": "France",
    "germany": "Germany",
    "israel": "Israel", "italy": "Italy", "japan": "Japan", "korea": "Korea",
    "mexico": "Mexico",
    "norway": "Norway", "poland": "Poland", "qatar": "Qatar", "southafrica": "South Africa",
    "spain": "Spain", "sweden": "Sweden", "switzerland": "Switzerland", "uae": "UAE", "uk": "United Kingdom",
    "europe": "Europe", "asia": "Asia Pacific", "us": "United States",
}  # fmt: skip
_NO_ZONES = frozenset(
    [
        "australiacentral",
        "australiasoutheast",
        "canadaeast",
        "francesouth",
        "germanynorth",
        "koreasouth",
        "northcentralus",
        "norwaywest",
        "southafricawest",
        "southindia",
        "switzerlandwest",
        "ukwest",
        "westcentralus",
        "westindia",
        "westus",
    ]
)


def listed(subscription: str, api_version: str) -> list[dict[str, Any]]:
    """The items of GET …/locations; older versions tell less."""
    items = [_item(subscription, *row) for row in _ROWS.values()]
    if api_version < "2022":
        for item in items:
            del item["type"], item["metadata"]["geography"]
            item.pop("availabilityZoneMappings", None)
    return items


def _item(
    subscription: str, name: str, shown: str, area: str, longitude: str, latitude: str, pair: str
) -> dict[str, Any]:
    base = f"/subscriptions/{subscription}/locations"
    zones = [{"logicalZone": str(n), "physicalZone": f"{name}-az{n}"} for n in (1, 2, 3)]
    return {
        "id": f"{base}/{name}",
        "name": name,
        "type": "Region",
        "displayName": shown,
        "regionalDisplayName": f"({area}) {shown}",
        "metadata": {
            "regionType": "Physical",
            "regionCategory": "Other" if name in _NO_ZONES else "Recommended",
            "geography": next(place for part, place in _GEOGRAPHIES.items() if part in name),
            "geographyGroup": area,
            "longitude": longitude,
            "latitude": latitude,
            "physicalLocation": "",
            "pairedRegion": [{"name": pair, "id": f"{base}/{pair}"}] if pair else [],
        },
        **({} if name in _NO_ZONES else {"availabilityZoneMappings": zones}),
    }
