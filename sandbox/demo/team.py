"""Steps about what the data team writes: notebooks, library, training, predictions, and the key they need."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from sandbox.demo.stage import Stage, expect

FOLDER = "/Shared/bikeshare"


def deployed(stage: Stage) -> str:
    found = stage.person("folder", environment="dev", path=FOLDER)
    notebooks = [one for one in found if one.startswith("NOTEBOOK ")]
    wheels = [one.rpartition("/")[2] for one in found if one.endswith(".whl")]
    names = {path.stem for path in (stage.work / "notebooks").glob("*.py")}
    expect({one.rpartition("/")[2] for one in notebooks} == names, "all notebooks should be there", found)
    expect(len(wheels) == 1, "the library should be there", found)
    return f"{len(notebooks)} notebooks in {FOLDER}, and {wheels[0]}, built from model/"


def training(stage: Stage) -> str:
    stage.run = stage.person("start", environment="dev", job="bikeshare-train")
    return f"bikeshare-train runs, as {stage.run}"


def trained(stage: Stage) -> str:
    results = stage.person("ended", environment="dev", run_id=stage.run)
    measured: dict[str, Any] = results["train"]["measured"]
    best = results["train"]["best"]
    expect(measured[best]["r2"] > 0.5, "the better model should be worth something", results)
    told = "; ".join(f"{name}: RMSE {one['rmse']:.1f}, R² {one['r2']:.3f}" for name, one in measured.items())
    rows = results["prep"]["train"]
    data = "the data set that BIKESHARE_CSV names" if stage.env.get("BIKESHARE_CSV") else "SYNTHETIC data"
    return f"trained on {rows} hours of {data}. {told}. Saved: {best}"


def predicted(stage: Stage) -> str:
    found = stage.person("predictions", environment="test", container="data", path="predictions")
    expect(len(found) > 0, "predictions should lie in the lake", found)
    first = found[0]
    expect(set(first) == {"instant", "dteday", "hr", "prediction"}, "one prediction an hour", first)
    example = f"{first['dteday']} {first['hr']:02}:00 → {first['prediction']:.0f} bikes"
    return f"{len(found)} JSON predictions in bikesharetest/data/predictions, e.g. {example}"


def edited(stage: Stage) -> str:
    stage.person("edit", environment="dev", path=f"{FOLDER}/score", text="print('just trying')")
    code, plan = stage.reconciler("plan", "dev")
    causes = [(change["key"].rpartition("/")[2], change["cause"]) for change in plan["changes"]]
    told = [(name.rpartition("%2F")[2], cause) for name, cause in causes]
    expect(code == 2 and told == [("score", "drift")], "the plan should name the notebook", plan)
    return f"{unquote(plan['changes'][0]['key'])}: cause drift"


def key_regenerated(stage: Stage) -> str:
    stage.person("regenerate", environment="test", key="key1")
    code, plan = stage.reconciler("plan", "test")
    told = sorted((change["key"], change["cause"]) for change in plan["changes"])
    kinds = [key.partition(".")[0] for key, _ in told]
    expect(code == 2 and kinds == ["databricks", "keyvault"], "scope and vault have an old key", plan)
    expect({cause for _, cause in told} == {"drift"}, "by drift", told)
    return f"{' and '.join(unquote(key) for key, _ in told)} have the old key: cause drift"
