"""What has to be stored, and how much fits."""

from llmcalc.formula import formula
from llmcalc.symbolic import larger


@formula
def stored_bytes(values, bytes_per_value=4):
    """Bytes that a number of stored values takes.

    Parameters
    ----------
    values : number, array or SymPy expression
        How many numbers are stored.
    bytes_per_value : number, array or SymPy expression, default 4
        Size of one, in bytes: 4 for fp32, 2 for bf16 and fp16, 1 for 8-bit formats.

    Returns
    -------
    number, array or SymPy expression
        Size in bytes.

    Source
    ------
    The size of the number format, times how often it is stored.

    Examples
    --------
    >>> stored_bytes(10_000 * 10_000)
    400000000
    """
    return values * bytes_per_value


@formula
def training_state_bytes(parameters, optimizer_values=2, bytes_per_value=4):
    """Bytes that training keeps for the parameters: each parameter, its gradient, and what the optimizer remembers.

    All in one number format. They do not depend on the batch.

    Parameters
    ----------
    parameters : number, array or SymPy expression
        Parameters that are trained.
    optimizer_values : number, array or SymPy expression, default 2
        Numbers that the optimizer keeps for each parameter: 0 for SGD, 1 with momentum, 2 for Adam and AdamW.
    bytes_per_value : number, array or SymPy expression, default 4
        Size of one stored number, in bytes.

    Returns
    -------
    number, array or SymPy expression
        Size in bytes.

    Source
    ------
    Kingma and Ba 2015, "Adam", algorithm 1: first and second moment; PyTorch's optimizers keep the same.

    Examples
    --------
    Sixteen bytes a parameter for AdamW in fp32:

    >>> training_state_bytes(parameters=1)
    16
    """
    return stored_bytes((1 + 1 + optimizer_values) * parameters, bytes_per_value)


@formula
def largest_batch(memory_bytes, fixed_bytes, bytes_per_example):
    """Examples that fit into the memory beside what does not grow with the batch; 0 if not even one does.

    Parameters
    ----------
    memory_bytes : number, array or SymPy expression
        Memory of the device, in bytes.
    fixed_bytes : number, array or SymPy expression
        What is stored whatever the batch, in bytes.
    bytes_per_example : number, array or SymPy expression
        What each example adds, in bytes.

    Returns
    -------
    number, array or SymPy expression
        Whole examples.

    Source
    ------
    The largest whole B with fixed + B * (bytes per example) <= memory.

    Examples
    --------
    >>> largest_batch(8 * 10**9, 4 * 10**9, 440_000)
    9090
    """
    return larger((memory_bytes - fixed_bytes) // bytes_per_example, 0)
