"""Published training runs, each predicted from the others."""

from statistics import median

from llmcalc.display import described, table
from llmcalc.runs import residuals
from llmcalc.svg import ranges


def forecasts(without_team=True):
    """Every finished run as the others predict it, over its reported hours, as HTML.

    Parameters
    ----------
    without_team : bool, default True
        Predict from the runs of other teams only; otherwise from all other runs.
    """
    results = sorted(residuals(without_team=without_team), key=lambda each: each.relative_error)
    rows = {
        each.run.name: [hours / each.run.accelerator_hours for hours in (each.low, each.middle, each.high)]
        for each in results
    }
    error = median(abs(each.relative_error) for each in results)
    covered = sum(each.covered for each in results)
    learnt_from = "those of other teams" if without_team else "the others"
    says = (
        f"{len(results)} published runs, each predicted from {learnt_from}: half of the predictions are within "
        f"{error:.0%} of the reported hours, and {covered} of the {len(results)} intervals hold them."
    )
    picture = ranges(rows, x_label="predicted over reported hours", limit=("as reported", 1), says=says)
    numbers = [
        (
            each.run.name,
            each.run.team,
            each.run.accelerator,
            f"{each.run.utilization:.0%}",
            each.run.accelerator_hours,
            *(round(hours) for hours in (each.low, each.middle, each.high)),
        )
        for each in results
    ]
    header = ("run", "team", "accelerator", "utilization", "reported hours", "predicted: low", "middle", "high")
    return described(picture, says, table(numbers, header))
