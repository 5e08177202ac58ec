"""Formulas as papers print them, to check published numbers with; where a paper rounds or counts its own way, so does
its formula here. What the package itself calculates with stands in the other modules.
"""

from llmcalc.compute import seconds_for
from llmcalc.formula import formula


@formula
def megatron_step_flops(batch, sequence, layers, width, vocabulary):
    """FLOPs of one training step as Narayanan et al. count them: full recomputation included.

    They print 96 B s l h^2 (1 + s/6h + V/16lh). Every layer runs forward twice and backward once, four times the
    forward work; the output layer, which is not run again, counts three times.

    Parameters
    ----------
    batch, sequence : number, array or SymPy expression
        Sequences in a step, and tokens in each.
    layers, width, vocabulary : number, array or SymPy expression
        Shape of a GPT whose feed-forward part is four times as wide as the model.

    Returns
    -------
    number, array or SymPy expression
        Operations in FLOP.

    Source
    ------
    Narayanan et al. 2021, "Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM",
    section 5.1.

    Examples
    --------
    A step of their largest model, in units of 10**18:

    >>> megatron_step_flops(batch=3072, sequence=2048, layers=128, width=25_600, vocabulary=51_200) // 10**18
    51
    """
    return 2 * batch * sequence * width * (48 * layers * width + 8 * layers * sequence + 3 * vocabulary)


@formula
def korthikanti_model_flops(batch, sequence, layers, width, vocabulary):
    """FLOPs of one training step that the model needs, as Korthikanti et al. count them for their MFU.

    They print 72 B L s h^2 (1 + s/6h + V/12hL): three times the forward work, no recomputation.

    Parameters
    ----------
    batch, sequence : number, array or SymPy expression
        Sequences in a step, and tokens in each.
    layers, width, vocabulary : number, array or SymPy expression
        Shape of a GPT whose feed-forward part is four times as wide as the model.

    Returns
    -------
    number, array or SymPy expression
        Operations in FLOP.

    Source
    ------
    Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer Models", appendix A.

    Examples
    --------
    Their model of 22 billion parameters, in TFLOP:

    >>> korthikanti_model_flops(batch=4, sequence=2048, layers=48, width=6144, vocabulary=51_200) // 10**12
    1143
    """
    return 6 * batch * sequence * width * (12 * layers * width + 2 * layers * sequence + vocabulary)


@formula
def korthikanti_hardware_flops(batch, sequence, layers, width, vocabulary):
    """FLOPs of one training step that the hardware does, as Korthikanti et al. count them for their HFU.

    They print 72 B L s h^2 (1 + s/3h + V/12hL), twice the attention term of the model's FLOPs. Running the attention
    core forward once more would make it 4/3, so the printed HFU is up to 1.4 points high.

    Parameters
    ----------
    batch, sequence : number, array or SymPy expression
        Sequences in a step, and tokens in each.
    layers, width, vocabulary : number, array or SymPy expression
        Shape of a GPT whose feed-forward part is four times as wide as the model.

    Returns
    -------
    number, array or SymPy expression
        Operations in FLOP.

    Source
    ------
    Korthikanti et al. 2022, "Reducing Activation Recomputation in Large Transformer Models", appendix A.

    Examples
    --------
    Their model of 22 billion parameters, in TFLOP:

    >>> korthikanti_hardware_flops(batch=4, sequence=2048, layers=48, width=6144, vocabulary=51_200) // 10**12
    1202
    """
    return 6 * batch * sequence * width * (12 * layers * width + 4 * layers * sequence + vocabulary)


@formula
def megatron_training_seconds(parameters, tokens, gpus, achieved_flops_per_second):
    """Time in seconds of a whole training as Narayanan et al. estimate it, 8 T P / (n X).

    With full recomputation every parameter and token take 8 FLOP instead of 6, and X counts all of them.

    Parameters
    ----------
    parameters, tokens : number, array or SymPy expression
        Size of the model (parameters) and of the training text (tokens).
    gpus : number, array or SymPy expression
        Devices that share the work.
    achieved_flops_per_second : number, array or SymPy expression
        Rate that one device reaches, recomputation included, in FLOP/s.

    Returns
    -------
    number, array or SymPy expression
        Time in seconds.

    Source
    ------
    Narayanan et al. 2021, "Efficient Large-Scale Language Model Training on GPU Clusters Using Megatron-LM",
    section 5.1.

    Examples
    --------
    Their model of GPT-3's size on 1024 GPUs, in full days (they print 34):

    >>> megatron_training_seconds(175 * 10**9, 300 * 10**9, 1024, 140 * 10**12) // 86_400
    33.0
    """
    return seconds_for(8 * parameters * tokens, gpus * achieved_flops_per_second)


@formula
def encoder_decoder_parameters(layers, width, feed_forward, heads, query_dim, value_dim, vocabulary):
    """Parameters of the encoder-decoder of Vaswani et al., with as many layers on either side.

    A layer of the decoder has a second attention, whose keys and values come from the encoder, and a third norm. One
    table serves both inputs and the output; positions are computed. Matrices of attention have no biases.

    Parameters
    ----------
    layers : number, array or SymPy expression
        Layers of the encoder, and of the decoder.
    width, feed_forward, heads : number, array or SymPy expression
        Shape of a layer.
    query_dim, value_dim : number, array or SymPy expression
        Values of a query or key, and of a value vector, of one head.
    vocabulary : number, array or SymPy expression
        Rows of the embedding table.

    Returns
    -------
    number, array or SymPy expression
        A count of parameters.

    Source
    ------
    Vaswani et al. 2017, "Attention Is All You Need", sections 3.1 to 3.4. Whether attention has biases it does not
    say; they would add less than 0.1%.

    Examples
    --------
    Their base model with the "about 37,000" tokens of its text, printed as 65 million:

    >>> encoder_decoder_parameters(6, 512, 2048, 8, 64, 64, vocabulary=37_000)
    63045632
    """
    attention = 2 * width * heads * (query_dim + value_dim)
    others = 2 * width * feed_forward + feed_forward + width  # the feed-forward part with its biases
    encoder_layer, decoder_layer = attention + others + 4 * width, 2 * attention + others + 6 * width
    return layers * (encoder_layer + decoder_layer) + vocabulary * width


@formula
def chinchilla_parameters(layers, width, feed_forward, heads, head_dim, vocabulary=32_000):
    """Parameters of a model of the Chinchilla family, as their table counts them.

    L (5da + 2df + a + f + 5d) + 2d + Vd, where a is all heads together. Queries, keys, values and the output are four
    matrices of attention; the fifth makes keys of distances, since positions are relative, as in Transformer-XL.

    Parameters
    ----------
    layers, width, feed_forward, heads, head_dim : number, array or SymPy expression
        Shape of the model; all heads together need not be as wide as the model.
    vocabulary : number, array or SymPy expression, default 32000
        Rows of the embedding table, which is the output layer too.

    Returns
    -------
    number, array or SymPy expression
        A count of parameters.

    Source
    ------
    Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", table A9; the fifth matrix as in
    Dai et al. 2019, "Transformer-XL", section 3.3.

    Examples
    --------
    Their smallest model, printed as 44 million:

    >>> chinchilla_parameters(layers=8, width=512, feed_forward=2048, heads=8, head_dim=64)
    43688960
    """
    inner = heads * head_dim
    layer = 5 * width * inner + 2 * width * feed_forward + inner + feed_forward + 5 * width
    return layers * layer + 2 * width + vocabulary * width


@formula
def chinchilla_layer_flops(sequence, width, feed_forward, heads, head_dim):
    """FLOPs of one layer's forward pass over a sequence, as Hoffmann et al. count them.

    All matrix products, with the whole square of attention and without the fifth matrix of their own models, and
    3 operations for each score in the softmax.

    Parameters
    ----------
    sequence : number, array or SymPy expression
        Tokens that are read together.
    width, feed_forward, heads, head_dim : number, array or SymPy expression
        Shape of the layer.

    Returns
    -------
    number, array or SymPy expression
        Operations in FLOP.

    Source
    ------
    Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", appendix F.

    Examples
    --------
    >>> chinchilla_layer_flops(sequence=2048, width=640, feed_forward=2560, heads=10, head_dim=64)
    30995906560
    """
    inner = heads * head_dim
    products = 2 * sequence * width * (4 * inner + 2 * feed_forward)
    return products + sequence * sequence * (4 * inner + 3 * heads)


@formula
def chinchilla_training_flops(sequence, layers, width, feed_forward, heads, head_dim, vocabulary=32_000):
    """FLOPs of training on one sequence, as the text of Hoffmann et al. counts them: three times the forward pass.

    Looking up the embedding counts as a matrix product of the size of the output layer's, which no program computes;
    and the ratios to 6ND that they print come from the layers alone, without both.

    Parameters
    ----------
    sequence : number, array or SymPy expression
        Tokens that are read together.
    layers, width, feed_forward, heads, head_dim : number, array or SymPy expression
        Shape of the model.
    vocabulary : number, array or SymPy expression, default 32000
        Rows of the embedding table.

    Returns
    -------
    number, array or SymPy expression
        Operations in FLOP.

    Source
    ------
    Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", appendix F.

    Examples
    --------
    >>> chinchilla_training_flops(2048, layers=10, width=640, feed_forward=2560, heads=10, head_dim=64)
    1433193676800
    """
    table = 2 * sequence * vocabulary * width
    layer = chinchilla_layer_flops(sequence, width, feed_forward, heads, head_dim)
    return 3 * (layers * layer + 2 * table)
