"""The operations of a transformer in their order: embedding, one layer, output layer and loss; with their bytes.

Every size is an item of the activation ledger, or a tensor as large as one. Where nothing is kept, an operation is as
PyTorch does it without compiling: product, scale, mask and softmax of attention one after the other.
"""

from llmcalc.activations import activation_ledger
from llmcalc.mlp import dense_weights
from llmcalc.schedule import Operation
from llmcalc.transformer import NORM_VALUES


class Stages:
    """Operations and sizes of one training step, all of whose choices are made."""

    def __init__(self, model, parameters, batch, sequence, bytes_per_value, how):
        self.parameters = parameters  # the model's ledger of them
        self.model, self.how, self.batch = model, {**how, "recompute": "none"}, batch
        self.ledger = activation_ledger(model, batch, sequence, bytes_per_value, **self.how)
        self.items = {item.name: item for item in self.ledger.per_layer}
        stream = self.ledger.layer_input
        fp32 = stream * bytes_per_value == 4 * self.bytes_of("qkv_input")  # as many values, of four bytes
        self.keeps_input = self.how["norm"] == "fused" or model.family.norm == "layer" or fp32
        self.sizes = {"x": stream, "middle": stream, "y": stream}

    def bytes_of(self, name):
        """Bytes of an item of a layer; 0 where there is none."""
        return self.items[name].total if name in self.items else 0

    @property
    def largest(self):
        """Values of the tensors that may be the largest: of a layer, and the tables."""
        model, tables = self.model, self.parameters.embedding
        layer = (dense_weights(model.width, inside) for inside in (model.heads * model.head_dim, model.feed_forward))
        return *layer, tables.tokens.total, tables.positions.total

    # --- kinds of operations ---

    def _norm(self, takes, gives, item, size, width):
        """The input is one of the tensors kept, unless the library makes a copy of it in another format."""
        own = [part for part in item if not (self.keeps_input and part.name == "input")]
        names = [f"{gives}.{part.name}" for part in own]
        self.sizes |= {gives: size, **{name: part.total for name, part in zip(names, own, strict=True)}}
        keeps = (takes, *names) if self.keeps_input else tuple(names)
        return Operation((takes,), gives, keeps, NORM_VALUES[self.model.family.norm] * width)

    def _linear(self, takes, gives, size, inputs, outputs, bias):
        self.sizes[gives] = size
        biases = outputs if bias else 0
        parameters = dense_weights(inputs, outputs) + biases
        return Operation((takes,), gives, (takes,), parameters, linear=True, bias=biases)

    def _dropout(self, takes, gives, mask):
        self.sizes |= {gives: self.sizes[takes], mask: self.bytes_of(mask)}
        return Operation((takes,), gives, (mask,))

    def _map(self, takes, gives, size, *keeps, **more):
        self.sizes[gives] = size
        return Operation(takes if isinstance(takes, tuple) else (takes,), gives, keeps, **more)

    # --- a layer ---

    def block(self):
        """Operations of one layer, from `x` to `y`."""
        model, hidden = self.model, self.bytes_of("qkv_input")
        row, width = model.family, model.width
        steps = [self._norm("x", "qkv_input", self.items["norm_1"], hidden, width), *self._projections()]
        steps += self._attention()
        steps += [self._linear("output_input", "o", hidden, model.heads * model.head_dim, width, row.output_bias)]
        steps += self._to_stream("o", "x", "middle", "dropout_1")
        steps += [self._norm("middle", "mlp_input", self.items["norm_2"], hidden, width), *self._feed_forward()]
        steps += [self._linear("down_input", "d", hidden, model.feed_forward, width, row.mlp_bias)]
        return tuple(steps + self._to_stream("d", "middle", "y", "dropout_2"))

    def _to_stream(self, takes, stream, gives, mask):
        """Dropout where there is one, and the sum with what the half began with."""
        steps = [self._dropout(takes, f"{takes} dropped", mask)] if mask in self.items else []
        taken = steps[-1].gives if steps else takes
        return [*steps, Operation((stream, taken), gives, passes=True)]

    def _projections(self):
        model, row, steps = self.model, self.model.family, []
        for name, heads in (("queries", model.heads), ("keys", model.kv_heads), ("values", model.kv_heads)):
            size, first = self.bytes_of(name), f"{name} projected"
            copied = self.how["attention"] == "explicit"  # a product wants its factors in one piece
            rotated = row.position_offset is None and name != "values"
            normed = f"{name[:-1].replace('querie', 'query')}_norm" if row.qk_norm and name != "values" else ""
            gives = [first] if normed or rotated or copied else [name]
            steps.append(self._linear("qkv_input", gives[0], size, model.width, heads * model.head_dim, row.qkv_bias))
            if normed:
                gives.append(f"{name} normed" if rotated or copied else name)
                width = model.head_dim if row.qk_norm == "head" else heads * model.head_dim
                steps.append(self._norm(gives[-2], gives[-1], self.items[normed], size, width))
            if rotated:
                gives.append(f"{name} rotated" if copied else name)
                steps.append(self._map(gives[-2], gives[-1], size))
            if copied:
                steps.append(self._map(gives[-1], name, size))
        return steps

    def _attention(self):
        size, names = self.bytes_of("output_input"), ("queries", "keys", "values")
        if self.how["attention"] != "explicit":
            own = [name for name in ("log_sum_exp", "random_state") if name in self.items]
            self.sizes |= {name: self.bytes_of(name) for name in own}
            return [self._map(names, "output_input", size, *names, "output_input", *own, core=True)]
        steps, factors = [], list(names)
        if "repeated" in self.items:  # for the heads that share them
            factors[1:] = ["keys repeated", "values repeated"]
            steps = [self._map(names[place], factors[place], size, core=True) for place in (1, 2)]
        return steps + self._scores(*factors) + [self._map("weighted", "output_input", size, core=True)]

    def _scores(self, queries, keys, values):
        kept = {item.name: item.total for item in self.items["scores"] if item.total}
        size = kept.get("weights", kept["softmax"])
        steps = [self._map((queries, keys), "products", size, queries, keys, core=True)]
        steps.append(self._map("products", "scaled", size, core=True))
        if "mask" in kept:
            self.sizes["mask"] = kept["mask"]
        steps.append(self._map("scaled", "masked", size, *(["mask"] if "mask" in kept else []), core=True))
        steps.append(self._map("masked", "softmax", kept["softmax"], "softmax", core=True))
        weights = "softmax"
        if "dropout_mask" in kept:
            self.sizes["scores dropped"] = kept["dropout_mask"]
            steps.append(self._map(weights, "dropped", kept["softmax"], "scores dropped", core=True))
            weights = "dropped"
        if kept["softmax"] != size:  # computed in fp32, and copied
            steps.append(self._map(weights, "weights", size, core=True))
            weights = "weights"
        total = self.bytes_of("output_input")
        return [*steps, self._map((weights, values), "weighted", total, weights, values, core=True)]

    def _feed_forward(self):
        model, size, row = self.model, self.bytes_of("down_input"), self.model.family
        widths = (model.width, model.feed_forward, row.mlp_bias)
        if row.gated:
            return [
                self._linear("mlp_input", "gate", size, *widths),
                self._map("gate", "activated_gate", size, "gate"),
                self._linear("mlp_input", "up", size, *widths),
                self._map(("activated_gate", "up"), "down_input", size, "activated_gate", "up"),
            ]
        first = self._linear("mlp_input", "inside", size, *widths)
        if row.activation == "relu":
            return [first, self._map("inside", "down_input", size, "down_input")]
        more = self.bytes_of("gelu") - size  # the library's own GELU keeps three more
        self.sizes["gelu more"] = more
        return [first, self._map("inside", "down_input", size, "inside", *(["gelu more"] if more else []))]

    # --- what stands before and after the layers ---

    def embedding(self):
        """From the ids to the `x` of the first layer; the tables have `parameters`."""
        model, kept = self.model, self.ledger.embedding
        tables = self.parameters.embedding
        self.sizes |= {item.name: item.total for item in (*kept, self.ledger.rotary)}
        drops, learned = kept.dropout_mask.total > 0, tables.positions.total > 0
        stream, first = self.sizes["x"], "looked up" if learned or drops else "x"
        keeps = ("ids",) if learned else ("ids", "rotary")
        steps = [Operation((), first, keeps, tables.tokens.total, tied=model.family.tied)]
        self.sizes[first] = stream
        if learned:
            summed = "summed" if drops else "x"
            self.sizes |= {"rows": stream // self.batch, "summed": stream}
            steps.append(Operation((), "rows", ("position_ids",), tables.positions.total))
            steps.append(Operation((first, "rows"), summed, passes=True))
            first = summed
        return tuple([*steps, self._map(first, "x", stream, "dropout_mask")] if drops else steps)

    def head_and_loss(self):
        """From the `x` after the last layer to the loss."""
        model, kept = self.model, self.ledger.head_and_loss
        hidden, logits = self.bytes_of("qkv_input"), self.ledger.logits
        own = {name: kept[name].total for name in ("log_probabilities", "labels", "total_weight")}
        self.sizes |= own | {"logits": logits, "loss": own["total_weight"]}
        norm = self._norm("x", "head_input", kept.norm, hidden, model.width)
        steps = [norm, Operation(("head_input",), "logits", ("head_input",), model.head_weights, linear=True)]
        taken = "logits"
        if own["log_probabilities"] != logits:
            taken, copy = "logits in the loss's format", own["log_probabilities"]
            steps.append(self._map("logits", taken, copy))
        steps.append(self._map(taken, "log_probabilities", own["log_probabilities"], "log_probabilities"))
        keeps = ("log_probabilities", "labels", "total_weight")
        steps.append(Operation(("log_probabilities",), "loss", keeps, beside=(taken,)))
        return tuple(steps)
