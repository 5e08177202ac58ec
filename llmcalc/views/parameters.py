"""Where the parameters of a model live: of published models side by side, and of one that the reader shapes."""

from dataclasses import replace

from llmcalc.blocks import embedding_weights
from llmcalc.display import described, table
from llmcalc.formula import amounts, one_of
from llmcalc.models import model
from llmcalc.palette import PARTS
from llmcalc.svg import stacked_bars
from llmcalc.transformer import Transformer
from llmcalc.units import in_words

PUBLISHED = ("gpt2", "llama-3.2-1b", "gpt2-xl", "llama-3-8b", "mixtral-8x7b", "llama-3-70b", "gpt-3-175b")


def parts_of(model):
    """Parameters of a model by part, those that are there: six names that every picture of this house shares."""
    ledger = model.parameters
    parts = {
        "embedding": ledger.embedding.total,
        "attention": ledger.attention.weights.total,
        "feed-forward": ledger.mlp.weights.total,
        "experts": ledger.experts.total + ledger.router.total,
        "output layer": ledger.lm_head.weights.total,
    }
    parts["norms and biases"] = ledger.total - sum(parts.values())
    return {name: count for name, count in parts.items() if count}


def parameter_shares(names=PUBLISHED):
    """Shares of embedding, attention and the other parts in the parameters of published models, as HTML."""
    if not names:
        raise ValueError("parameter_shares: names must name at least one model, got none")
    parts = {name: parts_of(model(name)) for name in names}
    totals = {name: sum(counts.values()) for name, counts in parts.items()}
    bars = {
        f"{name}, {in_words(totals[name])}": {part: 100 * count / totals[name] for part, count in counts.items()}
        for name, counts in parts.items()
    }
    first, last = names[0], names[-1]
    tables = {name: parts[name]["embedding"] + parts[name].get("output layer", 0) for name in (first, last)}
    says = (
        f"Shares of the parameters of {len(names)} models. Embedding and output layer have "
        f"{tables[first] / totals[first]:.1%} of {first} and {tables[last] / totals[last]:.1%} of {last}."
    )
    rows = [
        (name, totals[name], *(f"{counts[part] / totals[name]:.1%}" if part in counts else "" for part in PARTS))
        for name, counts in parts.items()
    ]
    return described(stacked_bars(bars, unit="%", says=says), says, table(rows, ("model", "parameters", *PARTS)))


def parameter_count(
    layers=32,
    width=4096,
    head_dim=128,
    heads_per_key=4,
    feed_forward_width=14_336,
    gate="with gate",
    vocabulary=128_256,
    output_layer="own",
    experts=1,
):
    """Parameters of a model of Llama's kind, part by part, beside the rule 12 L d² + V d, as HTML.

    One of the experts, or the only feed-forward part, is `feed_forward_width` wide; a token uses at most two of them.
    """
    amounts("parameter_count", width=width, head_dim=head_dim, heads_per_key=heads_per_key, experts=experts)
    one_of("parameter_count", "gate", gate, ("with gate", "without gate"))
    one_of("parameter_count", "output_layer", output_layer, ("own", "tied"))
    heads = max(1, round(width / head_dim))
    kv_heads = max(
        count for count in range(1, heads + 1) if heads % count == 0 and count <= max(1, heads / heads_per_key)
    )
    config = {
        "model_type": "llama" if experts == 1 else "mixtral",
        "num_hidden_layers": layers,
        "hidden_size": width,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "head_dim": head_dim,
        "intermediate_size": feed_forward_width,
        "vocab_size": vocabulary,
        "tie_word_embeddings": output_layer == "tied",
    }
    if experts > 1:
        config |= {"num_local_experts": experts, "num_experts_per_tok": 2}
    built = Transformer.from_config(config)
    built = replace(built, family=replace(built.family, gated=gate == "with gate"))
    parts, total, active = parts_of(built), built.parameters.total, built.parameters.active
    table_weights = embedding_weights(vocabulary, width)
    rule = 12 * layers * width**2 + table_weights
    says = (
        f"{layers} layer{'s' if layers > 1 else ''}, {width:,} wide, with {heads} heads of {head_dim} and {kv_heads} "
        f"for keys and values, have {total:,} parameters"
        + (f", of which a token uses {active:,}" if active != total else "")
        + f". The rule 12 L d² + V d says {rule:,}, {rule / total:.3f} times as many."
    )
    bars = {
        f"this model, {in_words(total)}": parts,
        f"by the rule, {in_words(rule)}": {"12 L d²": rule - table_weights, "embedding": table_weights},
    }
    unit, scale = ("billion", 10**9) if max(total, rule) >= 10**9 else ("million", 10**6)
    picture = stacked_bars(
        {label: {part: count / scale for part, count in counts.items()} for label, counts in bars.items()},
        unit=unit,
        says=says,
    )
    rows = [(name, count, f"{count / total:.2%}") for name, count in parts.items()]
    rows += [
        (name, count, f"{count / total:.2%}")
        for name, count in (("together", total), ("a token uses", active), ("12 L d² + V d", rule))
    ]
    return described(picture, says, table(rows, ("part", "parameters", "share")))
