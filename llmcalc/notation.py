"""The letters and names of the house, and what the four documents call the same things.

Every parameter of a formula is a row here: the formula gate asks this table whether zero makes sense and how
large a share may be, lesson 00 prints it, and a test holds every formula to it.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Symbol:
    """One quantity: its Python name, its letter (LaTeX), its unit, and its letter in each document ("" if absent)."""

    name: str
    letter: str
    meaning: str
    unit: str
    mlp: str = ""
    slides: str = ""
    deepdive: str = ""
    framework: str = ""
    may_be_zero: bool = False  # amounts of work may be nothing; dimensions may not
    at_least: float = 0  # half a device makes no sense
    at_most: float | None = None  # the largest value that makes sense: a share is no more than the whole


# fmt: off
GROUPS = {
    "A network": (
        Symbol("inputs", "n", "values that enter a dense layer", "values", mlp="n", deepdive="D"),
        Symbol("outputs", "m", "values that leave a dense layer", "values", mlp="m"),
        Symbol("layer_input", "X", "what enters a layer, a row for each example", "matrix"),
        Symbol("layer_weights", "W", "weights of a layer", "matrix"),
        Symbol("layer_biases", "b", "biases of a layer", "row"),
        Symbol("layer_output", "Y", "what leaves a layer, a row for each example", "matrix"),
        Symbol("output_gradient", "G", "derivative of the loss with respect to Y", "matrix"),
        Symbol("layers", "L", "layers of a network", "layers", deepdive="N, L"),
        Symbol("width", "d", "values of a layer, or of a token between layers", "values", deepdive="d_{model}, H"),
        Symbol("batch", "B", "examples handled together", "examples", mlp="B", deepdive="B", may_be_zero=True),
        Symbol("parameters", "P", "numbers that training adjusts", "parameters",
               slides="P, N_{params}", deepdive="N", framework="P"),
        Symbol("values", "v", "numbers to be stored", "values", may_be_zero=True),
        Symbol("bytes_per_value", "e", "size of one stored number", "bytes per value"),
        Symbol("rows", "r", "rows of the left matrix of a product", "rows", may_be_zero=True),
        Symbol("inner", "k", "columns of the left matrix = rows of the right one", "columns", may_be_zero=True),
        Symbol("columns", "c", "columns of the right matrix of a product", "columns", may_be_zero=True),
    ),
    "A transformer": (
        Symbol("sequence", "S", "tokens that are read together", "tokens", deepdive="S", may_be_zero=True),
        Symbol("vocabulary", "V", "different tokens", "tokens", deepdive="V"),
        Symbol("heads", "a", "attention heads of a layer", "heads", deepdive="h"),
        Symbol("head_dim", "d_a", "values of one head", "values", deepdive="d_k, d_v"),
        Symbol("kv_heads", "a_{kv}", "key/value heads of a layer", "heads"),
        Symbol("query_dim", "d_q", "values of one query, and of one key", "values"),
        Symbol("value_dim", "d_v", "values of one value vector", "values"),
        Symbol("feed_forward", "f", "values inside the feed-forward part", "values", deepdive="d_{ff}"),
        Symbol("hidden_values", "E", "batch times sequence times width", "values", deepdive="E", may_be_zero=True),
        Symbol("positions", "S_{max}", "rows of a learned position table", "positions"),
        Symbol("token_types", "n_t", "different token types", "types"),
        Symbol("embedding_width", "d_e", "values of an embedding narrower than the model", "values"),
        Symbol("experts", "n_x", "experts of a layer", "experts"),
        Symbol("experts_per_token", "k_x", "experts that a token is sent to", "experts per token"),
        Symbol("expert_width", "f_x", "values inside one expert", "values"),
        Symbol("shared_width", "f_s", "values inside the experts that always run", "values"),
        Symbol("dense_layers", "L_d", "layers without experts, in a model that has experts", "layers"),
        Symbol("query_rank", "r_q", "values that queries are squeezed into", "values", may_be_zero=True),
        Symbol("kv_rank", "r_{kv}", "values that keys and values are squeezed into", "values"),
        Symbol("rope_dim", "d_r", "values of a query with rotary position", "values"),
        Symbol("nope_dim", "d_n", "values of a query without", "values"),
        Symbol("context", "S_c", "tokens that the next one looks back at", "tokens", may_be_zero=True),
        Symbol("window", "w", "tokens that a layer with a window looks back", "tokens"),
        Symbol("sliding_layers", "L_w", "layers with a window", "layers"),
    ),
    "Operations and time": (
        Symbol("tokens", "D", "tokens of training text", "tokens", slides="D", may_be_zero=True),
        Symbol("flops", "C", "floating-point operations of a job", "FLOP", slides="C", may_be_zero=True),
        Symbol("flops_per_example", "c_1", "operations for one example", "FLOP per example"),
        Symbol("flops_per_second", r"\tau", "rate at which hardware computes", "FLOP/s", slides=r"\tau"),
        Symbol("peak_flops_per_second", r"\tau_{peak}", "rate the hardware's data sheet names", "FLOP/s"),
        Symbol("achieved_flops_per_second", "R", "rate that one device reaches", "FLOP/s"),
        Symbol("utilization", "u", "achieved rate over peak rate", "share of 1", at_most=1),
        Symbol("seconds", "T", "time", "seconds", slides="T", may_be_zero=True),
        Symbol("gpus", "g", "devices that share the work", "GPUs", at_least=1),
        Symbol("gpu_hours", "h_g", "devices times the hours that they are busy", "GPU-hours", may_be_zero=True),
        Symbol("price_per_gpu_hour", "p_h", "what an hour of one device costs", "money per GPU-hour", may_be_zero=True),
    ),
    "Memory": (
        Symbol("memory_bytes", "M", "memory that a device offers", "bytes"),
        Symbol("fixed_bytes", "M_0", "memory that does not grow with the batch", "bytes", may_be_zero=True),
        Symbol("bytes_per_example", "b_1", "memory that one more example adds", "bytes per example"),
        Symbol("weight_bytes", "M_w", "memory of the weights", "bytes", slides="Mem_{model}", framework="S, M_{inf}"),
        Symbol("gradient_bytes", "M_g", "memory of the gradients", "bytes", may_be_zero=True),
        Symbol("optimizer_bytes", "M_o", "memory of what the optimizer keeps", "bytes", may_be_zero=True),
        Symbol("activation_bytes", "M_a", "memory of what the forward pass keeps", "bytes", may_be_zero=True),
        Symbol("training_bytes", "M_t", "memory of training", "bytes",
               slides="Mem_{training}", deepdive="M_{peak}", framework="M_{train}"),
        Symbol("state_bytes", "M_s", "memory of what training keeps for the weights", "bytes", may_be_zero=True),
        Symbol("in_flight_bytes", "M_f", "memory of the layer at work, beside what is kept", "bytes", may_be_zero=True),
        Symbol("update_bytes", "M_u", "memory that the update needs for a moment", "bytes", may_be_zero=True),
        Symbol("optimizer_values", "k_{opt}", "values an optimizer keeps for each parameter", "values per parameter",
               may_be_zero=True),
        Symbol("bytes_per_weight", "e_w", "size of one weight", "bytes per parameter", may_be_zero=True),
        Symbol("bytes_per_gradient", "e_g", "size of one gradient", "bytes per parameter", may_be_zero=True),
        Symbol("bytes_per_master", "e_m", "size of one weight in the fp32 master copy", "bytes per parameter",
               may_be_zero=True),
        Symbol("bytes_per_moment", "e_o", "size of one value that an optimizer keeps", "bytes per value"),
    ),
    "Scaling laws": (
        Symbol("exponent", r"\alpha", "exponent of a power law", "no unit", deepdive=r"\alpha", at_most=1),
        Symbol("loss_floor", r"\ell_\infty", "loss that no size and no training takes away", "nats per token",
               may_be_zero=True),
        Symbol("parameter_coefficient", "A_P", "loss for want of parameters, were there only one", "nats per token"),
        Symbol("token_coefficient", "A_D", "loss for want of tokens, were there only one", "nats per token"),
        # Every law of the loss has exponents below 1: less is gained each time. A larger one is a percentage.
        Symbol("parameter_exponent", r"\alpha_P", "exponent with which loss falls as parameters grow", "no unit",
               deepdive=r"\alpha", at_most=1),
        Symbol("token_exponent", r"\alpha_D", "exponent with which loss falls as tokens grow", "no unit", at_most=1),
        Symbol("critical_parameters", "P_c", "parameters for a loss of 1 with endless text", "parameters"),
        Symbol("critical_tokens", "D_c", "tokens for a loss of 1 with endless parameters", "tokens"),
        Symbol("reference_parameters", "P_r", "parameters of the model a power law starts from", "parameters"),
        Symbol("reference_flops", "C_r", "operations of the job a power law starts from", "FLOP"),
        Symbol("tokens_per_parameter", r"\rho", "tokens of training text over parameters", "tokens per parameter"),
        Symbol("size_factor", r"\kappa", "parameters over those of the model compared with", "no unit"),
        Symbol("gain", r"\gamma", "performance over that of the model compared with", "no unit"),
        Symbol("served_tokens", "D_s", "tokens that a trained model handles for its users", "tokens", may_be_zero=True),
    ),
    "Many GPUs": (
        Symbol("data_parallel", "N_d", "GPUs that hold the same weights and read different text", "GPUs", at_least=1),
        Symbol("tensor_parallel", "t", "GPUs that share each weight matrix", "GPUs", at_least=1),
        Symbol("pipeline_parallel", "p", "stages of a pipeline, each with its own layers", "stages", at_least=1),
        Symbol("expert_parallel", "N_e", "GPUs that share the experts of a layer", "GPUs", at_least=1),
        Symbol("interleave", "v_p", "pieces of the model on each stage of a pipeline", "pieces", at_least=1),
        Symbol("global_batch", "B_g", "examples of one training step, over all GPUs", "examples", may_be_zero=True),
        Symbol("micro_batch", r"B_{\mu}", "examples that one GPU handles at a time", "examples"),
        Symbol("micro_batches", r"n_{\mu}", "micro-batches of one pipeline in a training step", "micro-batches"),
        Symbol("bubble", "q", "idle time of a pipeline, over the time that its work needs", "no unit",
               may_be_zero=True),
        Symbol("message_bytes", "M_m", "what GPUs exchange, the whole buffer", "bytes", may_be_zero=True),
        Symbol("bytes_per_second", r"\beta", "rate at which bytes arrive: bandwidth", "bytes per second"),
    ),
    "Serving and fine-tuning": (
        Symbol("read_bytes", "M_r", "bytes read from memory", "bytes", may_be_zero=True),
        Symbol("bytes_per_token", "b_t", "memory that one more token of context adds", "bytes per token"),
        Symbol("sliding_bytes_per_token", "b_w", "memory that it adds in layers with a window", "bytes per token",
               may_be_zero=True),
        Symbol("rank", "r_A", "values between the two matrices of a low-rank adapter", "values"),
        Symbol("bits", "b_v", "size of one value in few bits, without its scale", "bits"),
        Symbol("block", "n_b", "values that share a scale", "values"),
        Symbol("scale_bits", "b_s", "size of the scale of a block, its offset included", "bits", may_be_zero=True),
        Symbol("scale_block", "n_s", "scales that share a scale of their own", "scales"),
        Symbol("second_scale_bits", "b_{ss}", "size of the scale that scales share, 0 where there is none", "bits",
               may_be_zero=True),
    ),
}
# fmt: on
"""Every quantity, by what it belongs to."""

NOTATION = {row.name: row for rows in GROUPS.values() for row in rows}


def letter(name):
    """The SymPy symbol of a quantity: its letter in the table, positive and whole."""
    import sympy

    return sympy.Symbol(NOTATION[name].letter, positive=True, integer=True)
