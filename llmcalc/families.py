"""Model families: what each does differently, one row each. The counting itself is in `llmcalc.transformer`.

A row holds what a family's config.json leaves unsaid: what the library builds when a key is missing. What is not in
this table is refused by name.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Family:
    """A row of differences. The plain row is a Llama: rotary positions, RMSNorm, gated feed-forward, no biases."""

    model_type: str
    source: str
    tied: bool = False  # the output layer is the embedding table
    norm: str = "rms"  # a weight for each value; also "one plus" it, "scale" (and means), "layer" (and a bias), "none"
    norms: int = 2  # of a layer
    qk_norm: str = ""  # on queries and keys: one "head" shared by all, or the whole "width"
    qk_layernorm: str = ""  # the same, only if the key qk_layernorm says so
    final_norm: bool = True
    embedding_norm: bool = False
    gated: bool = True  # three matrices in the feed-forward part, else two
    activation: str = "silu"
    parallel: bool = False  # attention and feed-forward side by side
    position_offset: int | None = None  # rows a learned position table has beyond the positions; None: no table
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    head_bias: bool = False
    kv_heads: int | None = None  # where the config is silent; None: as many as heads
    head_dim: int | None = None  # where the config is silent; None: width / heads
    head_dim_is_free: bool = True  # may differ from width / heads
    feed_forward: int | None = None  # times the width, where the config is silent; None: has to be given
    encoder: bool = False  # token types, a pooler, no output layer
    experts: str = ""  # key of the width of one expert, in families that have experts
    shared: str = ""  # key of the experts that always run
    dense: str = ""  # key that says which layers have no experts
    dense_layers: int = 0  # where the config is silent
    expert_bias: bool = False
    shared_gate: bool = False  # the shared experts have a gate of their own
    latent: bool = False  # multi-head latent attention
    sinks: bool = False  # one more parameter for each head
    window: int | None = None  # where the config is silent
    windowed: str = ""  # which layers look back no further than the window
    residual_dropout: bool = False  # after attention and after the feed-forward part
    embedding_dropout: bool = False
    keeps: bool = False  # its activations follow the rules of `llmcalc.activations`
    switches: dict = field(default_factory=dict, hash=False)  # config key -> fields of this row that it sets
    nested: dict = field(default_factory=dict, hash=False)  # sizes that a part of a multimodal config may leave out


_ALL = ("qkv_bias", "output_bias", "mlp_bias")
_ATTENTION = {"attention_bias": ("qkv_bias", "output_bias")}
_LLAMA = {**_ATTENTION, "mlp_bias": ("mlp_bias",)}
_BIASED = dict.fromkeys(_ALL, True)
_GPT = {"norm": "layer", "gated": False, "activation": "gelu", "head_dim_is_free": False}
_QWEN_EXPERTS = {"experts": "moe_intermediate_size", "dense": "decoder_sparse_step"}
_DEEPSEEK = {
    "latent": True,
    "experts": "moe_intermediate_size",
    "shared": "n_shared_experts",
    "dense": "first_k_dense_replace",
}

# fmt: off
_ROWS = (
    Family("gpt2", "Radford et al. 2019, GPT-2", tied=True, **_GPT, **_BIASED, position_offset=0, feed_forward=4,
           residual_dropout=True, embedding_dropout=True, keeps=True),
    Family("gptj", "Wang and Komatsuzaki 2021, GPT-J", **_GPT, norms=1, parallel=True, mlp_bias=True, head_bias=True,
           feed_forward=4),
    Family("gpt_neox", "Black et al. 2022, GPT-NeoX; Biderman et al. 2023, Pythia", **_GPT, **_BIASED, parallel=True,
           switches=_ATTENTION),
    Family("opt", "Zhang et al. 2022, OPT", tied=True, **{**_GPT, "activation": "relu"}, **_BIASED, position_offset=2,
           residual_dropout=True, keeps=True, switches={"enable_bias": _ALL}),
    Family("bloom", "Le Scao et al. 2022, BLOOM", tied=True, **_GPT, **_BIASED, embedding_norm=True, feed_forward=4),
    Family("falcon", "Almazrouei et al. 2023, Falcon", tied=True, **_GPT, parallel=True, feed_forward=4,
           switches={"bias": _ALL}),
    Family("mpt", "MosaicML 2023, MPT", tied=True, **{**_GPT, "norm": "scale"}, feed_forward=4),
    Family("llama", "Touvron et al. 2023, Llama; Llama Team 2024, Llama 3", keeps=True, switches=_LLAMA),
    Family("mistral", "Jiang et al. 2023, Mistral 7B", kv_heads=8, window=4096, windowed="all", keeps=True),
    Family("mixtral", "Jiang et al. 2024, Mixtral", kv_heads=8, experts="intermediate_size", windowed="all"),
    Family("qwen2", "Yang et al. 2024, Qwen2", qkv_bias=True, kv_heads=32, window=4096, windowed="late", keeps=True),
    Family("qwen2_moe", "Yang et al. 2024, Qwen2", qkv_bias=True, kv_heads=16, **_QWEN_EXPERTS, window=4096,
           shared="shared_expert_intermediate_size", shared_gate=True, windowed="early",
           switches={"qkv_bias": ("qkv_bias",)}),
    Family("qwen3", "Yang et al. 2025, Qwen3", qk_norm="head", kv_heads=32, head_dim=128, window=4096,
           windowed="late", keeps=True, switches=_ATTENTION),
    Family("qwen3_moe", "Yang et al. 2025, Qwen3", qk_norm="head", kv_heads=4, **_QWEN_EXPERTS, window=4096,
           windowed="if used", switches=_ATTENTION),
    Family("gemma", "Gemma Team 2024, Gemma", tied=True, norm="one plus", kv_heads=16, head_dim=256,
           activation="gelu", keeps=True, switches=_ATTENTION),
    Family("gemma2", "Gemma Team 2024, Gemma 2", tied=True, norm="one plus", norms=4, kv_heads=4, head_dim=256,
           activation="gelu", window=4096, windowed="1 of 2", switches=_ATTENTION),
    Family("gemma3_text", "Gemma Team 2025, Gemma 3", tied=True, norm="one plus", norms=4, qk_norm="head",
           kv_heads=4, head_dim=256, activation="gelu", window=4096, windowed="5 of 6", switches=_ATTENTION,
           nested={"heads": 8, "vocabulary": 262_208}),
    Family("phi", "Gunasekar et al. 2023, phi-1; Microsoft 2023, phi-2", **{**_GPT, "head_dim_is_free": True},
           **_BIASED, head_bias=True, norms=1, parallel=True, qk_layernorm="head"),
    Family("phi3", "Abdin et al. 2024, Phi-3", windowed="all", keeps=True),
    Family("stablelm", "Bellagente et al. 2024, Stable LM 2", norm="layer", kv_heads=32, head_dim_is_free=False,
           qk_layernorm="width", switches={"use_qkv_bias": ("qkv_bias",)}),
    Family("olmo2", "OLMo Team 2024, OLMo 2", qk_norm="width", switches=_ATTENTION),
    Family("starcoder2", "Lozhkov et al. 2024, StarCoder 2", tied=True, **{**_GPT, "head_dim_is_free": True},
           **_BIASED, kv_heads=2, windowed="all", residual_dropout=True, embedding_dropout=True, keeps=True,
           switches={"use_bias": _ALL}),
    Family("granite", "IBM Granite Team 2024, Granite 3", keeps=True, switches=_LLAMA),
    Family("smollm3", "Hugging Face 2025, SmolLM3", tied=True, kv_heads=4, windowed="no rope", keeps=True,
           switches=_LLAMA),
    Family("gpt_oss", "OpenAI 2025, gpt-oss", kv_heads=8, head_dim=64, qkv_bias=True, output_bias=True, sinks=True,
           experts="intermediate_size", expert_bias=True, window=128, windowed="1 of 2", switches=_ATTENTION),
    Family("deepseek_v2", "DeepSeek-AI 2024, DeepSeek-V2", **_DEEPSEEK, switches=_LLAMA),
    Family("deepseek_v3", "DeepSeek-AI 2024, DeepSeek-V3", **_DEEPSEEK, dense_layers=3, switches=_ATTENTION),
    Family("bert", "Devlin et al. 2018, BERT", **_GPT, **_BIASED, position_offset=0, final_norm=False,
           embedding_norm=True, encoder=True, residual_dropout=True, embedding_dropout=True),
)
# fmt: on

FAMILIES = {row.model_type: row for row in _ROWS}

KEYS = {
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "width": ("hidden_size", "n_embd", "d_model", "n_embed"),
    "vocabulary": ("vocab_size",),
    "heads": ("num_attention_heads", "n_head", "n_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv"),
    "head_dim": ("head_dim",),
    "feed_forward": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "positions": ("max_position_embeddings", "n_positions"),
    "token_types": ("type_vocab_size",),
    "experts": ("num_local_experts", "num_experts", "n_routed_experts"),
    "experts_per_token": ("num_experts_per_tok", "experts_per_token"),
    "kv_rank": ("kv_lora_rank",),
    "query_rank": ("q_lora_rank",),
    "rope_dim": ("qk_rope_head_dim",),
    "nope_dim": ("qk_nope_head_dim",),
    "value_dim": ("v_head_dim",),
}
"""Our names, and what families call the same thing in their config.json."""
