"""llmcalc: what large language models cost, to the parameter, the FLOP and the byte.

Everything loads when first used: importing the package costs the standard library alone.
"""

import importlib

_HOMES = {
    "MLP": "llmcalc.mlp",
    "Transformer": "llmcalc.transformer",
    "model": "llmcalc.models",
    "training_flops": "llmcalc.compute",
    "same": "llmcalc.symbolic",
    "readable": "llmcalc.units",
    "convert": "llmcalc.units",
    "number_format": "llmcalc.formats",
    "gpu": "llmcalc.hardware",
    "plan": "llmcalc.planning",
    "predicted_hours": "llmcalc.runs",
    "claims": "llmcalc.sources",
    "show": "llmcalc.display",
    "explore": "llmcalc.explorer",
    "checks": None,  # modules
    "views": None,
}

__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"llmcalc has no {name!r}; it offers {', '.join(__all__)}")
    home = _HOMES[name]
    return importlib.import_module(f"llmcalc.{name}") if home is None else getattr(importlib.import_module(home), name)


def __dir__():
    return __all__
