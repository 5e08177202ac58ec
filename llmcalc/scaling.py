"""How the loss of a language model falls with its parameters and its training tokens: the published laws."""

from llmcalc.allocation import affordable_tokens
from llmcalc.formula import amount, formula


@formula
def kaplan_parameter_loss(parameters, critical_parameters, parameter_exponent):
    """Loss of a model that never runs out of training text: Kaplan's power law (P_c / P)^alpha.

    The law has no floor: with enough parameters it falls below any loss. Parameters are counted without embeddings.

    Parameters
    ----------
    parameters : number, array or SymPy expression
        Size of the model, embeddings left out.
    critical_parameters, parameter_exponent : number, array or SymPy expression
        Constants of the fit, such as `fit("kaplan parameters")` of `llmcalc.fits`.

    Returns
    -------
    number, array or SymPy expression
        Loss in nats per token.

    Source
    ------
    Kaplan et al. 2020, "Scaling Laws for Neural Language Models", equation 1.1.

    Examples
    --------
    >>> from llmcalc.fits import fit
    >>> kaplan_parameter_loss(10**9, **fit("kaplan parameters").constants)
    2.37...
    """
    return (critical_parameters / parameters) ** parameter_exponent


@formula
def kaplan_token_loss(tokens, critical_tokens, token_exponent):
    """Loss of a model that never runs out of parameters: Kaplan's power law (D_c / D)^alpha.

    Parameters
    ----------
    tokens : number, array or SymPy expression
        Training text, in tokens; training stops before the model learns it by heart.
    critical_tokens, token_exponent : number, array or SymPy expression
        Constants of the fit, such as `fit("kaplan tokens")` of `llmcalc.fits`.

    Returns
    -------
    number, array or SymPy expression
        Loss in nats per token.

    Source
    ------
    Kaplan et al. 2020, "Scaling Laws for Neural Language Models", equation 1.2.

    Examples
    --------
    >>> from llmcalc.fits import fit
    >>> kaplan_token_loss(22 * 10**9, **fit("kaplan tokens").constants)
    2.09...
    """
    return (critical_tokens / tokens) ** token_exponent


@formula
def kaplan_loss(parameters, tokens, critical_parameters, critical_tokens, parameter_exponent, token_exponent):
    """Loss of a model of limited size on limited text, by Kaplan's law for both at once.

    With endless text it is `kaplan_parameter_loss`, with endless parameters `kaplan_token_loss`. Its constants come
    from a fit of their own and differ from those of the two.

    Parameters
    ----------
    parameters, tokens : number, array or SymPy expression
        Size of the model, embeddings left out, and of the training text (tokens).
    critical_parameters, critical_tokens, parameter_exponent, token_exponent : number, array or SymPy expression
        Constants of the fit: `fit("kaplan both")` of `llmcalc.fits`.

    Returns
    -------
    number, array or SymPy expression
        Loss in nats per token.

    Source
    ------
    Kaplan et al. 2020, "Scaling Laws for Neural Language Models", equation 1.5 and table 2.

    Examples
    --------
    >>> from llmcalc.fits import fit
    >>> kaplan_loss(10**9, 22 * 10**9, **fit("kaplan both").constants)
    2.36...
    """
    for_want_of_parameters = (critical_parameters / parameters) ** (parameter_exponent / token_exponent)
    return (for_want_of_parameters + critical_tokens / tokens) ** token_exponent


@formula
def chinchilla_loss(
    parameters, tokens, loss_floor, parameter_coefficient, token_coefficient, parameter_exponent, token_exponent
):
    """Loss as a floor, a term that more parameters reduce, and one that more tokens reduce.

    The law L(N, D) = E + A / N^alpha + B / D^beta. The floor E is what the text itself leaves open.

    Parameters
    ----------
    parameters, tokens : number, array or SymPy expression
        Size of the model (parameters) and of the training text (tokens).
    loss_floor : number, array or SymPy expression
        Loss in nats per token that remains whatever the size: Hoffmann's E.
    parameter_coefficient, token_coefficient, parameter_exponent, token_exponent : number, array or SymPy expression
        Hoffmann's A, B, alpha and beta. All five are the `constants` of a row of `llmcalc.fits`.

    Returns
    -------
    number, array or SymPy expression
        Loss in nats per token.

    Source
    ------
    Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", section 3.3.

    Examples
    --------
    Chinchilla itself, 70 billion parameters and 1.4 trillion tokens:

    >>> from llmcalc.fits import fit
    >>> chinchilla_loss(70 * 10**9, 1400 * 10**9, **fit("hoffmann printed").constants)
    1.93...
    """
    return (
        loss_floor + parameter_coefficient / parameters**parameter_exponent + token_coefficient / tokens**token_exponent
    )


@formula
def isoflop_loss(
    parameters, flops, loss_floor, parameter_coefficient, token_coefficient, parameter_exponent, token_exponent
):
    """Loss of a model that gets all the tokens its budget pays for: the valley of one budget, over the size.

    A small model reads much text and a large one little; in between lies the optimum.

    Parameters
    ----------
    parameters, flops : number, array or SymPy expression
        Size of the model (parameters) and budget of its training, C = 6ND.
    loss_floor : number, array or SymPy expression
        Loss in nats per token that remains whatever the size.
    parameter_coefficient, token_coefficient, parameter_exponent, token_exponent : number, array or SymPy expression
        Constants of the fitted loss. All five are the `constants` of a row of `llmcalc.fits`.

    Returns
    -------
    number, array or SymPy expression
        Loss in nats per token.

    Source
    ------
    Hoffmann et al. 2022, "Training Compute-Optimal Large Language Models", sections 3.2 and 3.3.

    Examples
    --------
    Chinchilla, and a tenth of its size for the same budget:

    >>> from llmcalc.fits import fit
    >>> isoflop_loss(70 * 10**9, 588 * 10**21, **fit("besiroglu").constants)
    1.97...
    >>> isoflop_loss(7 * 10**9, 588 * 10**21, **fit("besiroglu").constants)
    2.03...
    """
    return chinchilla_loss(
        parameters,
        affordable_tokens(flops, parameters),
        loss_floor,
        parameter_coefficient,
        token_coefficient,
        parameter_exponent,
        token_exponent,
    )


@formula
def tokens_for_same_loss(
    parameters, tokens, size_factor, parameter_coefficient, token_coefficient, parameter_exponent, token_exponent
):
    """Tokens with which a model of another size reaches the loss of a given one.

    The sum of the two terms is to stay: A / (kN)^alpha + B / D'^beta = A / N^alpha + B / D^beta, solved for D'. A
    model below the size of `fewest_parameters` cannot reach the loss at all, and is refused.

    Parameters
    ----------
    parameters, tokens : number, array or SymPy expression
        Size of the given model (parameters) and of its training text (tokens).
    size_factor : number, array or SymPy expression
        Parameters of the other model over those of the given one: 0.5 for half the size.
    parameter_coefficient, token_coefficient, parameter_exponent, token_exponent : number, array or SymPy expression
        Constants of the fitted loss: `reducible` of a row of `llmcalc.fits`. The floor cancels.

    Returns
    -------
    number, array or SymPy expression
        Training text of the other model, in tokens.

    Source
    ------
    Hoffmann et al. 2022, section 3.3, for the loss; the trade as in de Vries 2023, "Go smol or go home".

    Examples
    --------
    Half the parameters of Chinchilla need, in place of its 1.4 trillion tokens:

    >>> from llmcalc.fits import fit
    >>> tokens_for_same_loss(70 * 10**9, 1400 * 10**9, 0.5, **fit("besiroglu").reducible) / 10**12
    3.65...
    """
    terms = (parameter_coefficient / parameters**parameter_exponent) / (token_coefficient / tokens**token_exponent)
    left = 1 + terms * (1 - size_factor**-parameter_exponent)
    left = amount(left, "the loss left to the tokens", of="no text makes up for too small a model")
    return tokens * left ** (-1 / token_exponent)


@formula
def fewest_parameters(parameters, tokens, parameter_coefficient, token_coefficient, parameter_exponent, token_exponent):
    """Parameters below which no amount of text gives the loss of a given model.

    With endless text only the parameters' own term is left: A / N'^alpha = A / N^alpha + B / D^beta.

    Parameters
    ----------
    parameters, tokens : number, array or SymPy expression
        Size of the given model (parameters) and of its training text (tokens).
    parameter_coefficient, token_coefficient, parameter_exponent, token_exponent : number, array or SymPy expression
        Constants of the fitted loss: `reducible` of a row of `llmcalc.fits`.

    Returns
    -------
    number, array or SymPy expression
        A size in parameters.

    Source
    ------
    Hoffmann et al. 2022, section 3.3, for the loss, with the tokens taken to infinity.

    Examples
    --------
    >>> from llmcalc.fits import fit
    >>> fewest_parameters(70 * 10**9, 1400 * 10**9, **fit("besiroglu").reducible) / 10**9
    10.7...
    """
    terms = (token_coefficient / tokens**token_exponent) / (parameter_coefficient / parameters**parameter_exponent)
    return parameters * (1 + terms) ** (-1 / parameter_exponent)


@formula
def growth_for_gain(gain, parameter_exponent):
    """How many times the parameters a gain takes, where performance grows as their power: gain^(1 / alpha).

    The gain is a factor: 1.1 for ten percent more. For a loss that falls with the power it is the old over the new.

    Parameters
    ----------
    gain : number, array or SymPy expression
        Performance over that of the model compared with.
    parameter_exponent : number, array or SymPy expression
        Exponent of the power law: 0.076 says Kaplan.

    Returns
    -------
    number, array or SymPy expression
        Parameters over those of the model compared with. No unit.

    Source
    ------
    Kaplan et al. 2020, "Scaling Laws for Neural Language Models", equation 1.1, solved for the parameters.

    Examples
    --------
    A loss that is ten percent lower, at any size:

    >>> growth_for_gain(gain=1 / 0.9, parameter_exponent=0.076)
    4.0...
    """
    return gain ** (1 / parameter_exponent)
