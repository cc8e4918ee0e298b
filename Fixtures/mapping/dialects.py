"""How projects name and store the parts of a transformer encoder.

Collected from the projects' own checkpoints and conversion scripts, one entry each; nothing here is
taken from the vocabulary that is tested with it. A dialect gives names for

    block   what stands before the parts of layer {i}
    qkv     one name (a fused matrix) or three
    out, ff1, ff2, norm1, norm2, final

and how it stores them:

    leaves  of matrices, and of norms
    store   "out": [out, in];  "in": [in, out];  "heads": [in, heads, size] and [heads, size, out]
    order   of a fused matrix: "qkv" one behind the other, "heads" interleaved head by head
"""

from __future__ import annotations

WEIGHT = (".weight", ".bias")
KERNEL = ("/kernel", "/bias")
GAMMA = ("/gamma", "/beta")


def three(pattern: str, words: str) -> tuple:
    return tuple(pattern.format(word) for word in words.split())


def dialect(block, qkv, out, ff1, ff2, norm1, norm2, final, **more) -> dict:
    names = {"out": out, "ff1": ff1, "ff2": ff2, "norm1": norm1, "norm2": norm2}
    base = {"leaves": WEIGHT, "norms": WEIGHT, "store": "out", "order": "qkv", "first": 0}
    return base | {"block": block, "qkv": qkv, "final": final, "names": names} | more


BERT = dialect(
    "encoder.layer.{i}.",
    three("attention.self.{}", "query key value"),
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
    "attention.output.LayerNorm",
    "output.LayerNorm",
    "encoder.norm",
)
HF_VIT = dialect(
    "encoder.layer.{i}.",
    three("attention.attention.{}", "query key value"),
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
    "layernorm_before",
    "layernorm_after",
    "layernorm",
)
DISTILBERT = dialect(
    "transformer.layer.{i}.",
    three("attention.{}_lin", "q k v"),
    "attention.out_lin",
    "ffn.lin1",
    "ffn.lin2",
    "sa_layer_norm",
    "output_layer_norm",
    "final_layer_norm",
)
BART = dialect(
    "encoder.layers.{i}.",
    three("self_attn.{}_proj", "q k v"),
    "self_attn.out_proj",
    "fc1",
    "fc2",
    "self_attn_layer_norm",
    "final_layer_norm",
    "encoder.layer_norm",
)
LLAMA = dialect(
    "layers.{i}.",
    three("self_attn.{}_proj", "q k v"),
    "self_attn.o_proj",
    "mlp.up_proj",
    "mlp.down_proj",
    "input_layernorm",
    "post_attention_layernorm",
    "norm",
)
GPT2 = dialect(
    "h.{i}.",
    "attn.c_attn",
    "attn.c_proj",
    "mlp.c_fc",
    "mlp.c_proj",
    "ln_1",
    "ln_2",
    "ln_f",
    store="in",
)
NANOGPT = GPT2 | {"store": "out"}
MEGATRON_BERT = dialect(
    "encoder.layer.{i}.",
    three("attention.self.{}", "query key value"),
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
    "attention.ln",
    "ln",
    "encoder.ln",
)
NEOX = dialect(
    "layers.{i}.",
    "attention.query_key_value",
    "attention.dense",
    "mlp.dense_h_to_4h",
    "mlp.dense_4h_to_h",
    "input_layernorm",
    "post_attention_layernorm",
    "final_layer_norm",
    order="heads",
)
# What people's own code names its parts when it stays near BERT.
HF = [BERT, HF_VIT, DISTILBERT, BART, LLAMA, GPT2, NANOGPT]
HF_RARE = [MEGATRON_BERT, NEOX]

TIMM_VIT = dialect(
    "blocks.{i}.",
    "attn.qkv",
    "attn.proj",
    "mlp.fc1",
    "mlp.fc2",
    "norm1",
    "norm2",
    "norm",
)
TIMM_SPLIT = TIMM_VIT | {"qkv": three("attn.{}_proj", "q k v")}  # timm's EVA, without fused_qkv
CLIP = dialect(
    "transformer.resblocks.{i}.",
    "attn.in_proj",
    "attn.out_proj",
    "mlp.c_fc",
    "mlp.c_proj",
    "ln_1",
    "ln_2",
    "ln_final",
)
TORCHVISION = dialect(
    "encoder.layers.encoder_layer_{i}.",
    "self_attention.in_proj",
    "self_attention.out_proj",
    "mlp.0",
    "mlp.3",
    "ln_1",
    "ln_2",
    "encoder.ln",
)
TORCHVISION_OLD = TORCHVISION | {
    "names": TORCHVISION["names"] | {"ff1": "mlp.linear_1", "ff2": "mlp.linear_2"}
}
SAM = dialect(
    "blocks.{i}.",
    "attn.qkv",
    "attn.proj",
    "mlp.lin1",
    "mlp.lin2",
    "norm1",
    "norm2",
    "neck.norm",
)
TORCH = dialect(
    "encoder.layers.{i}.",
    "self_attn.in_proj",
    "self_attn.out_proj",
    "linear1",
    "linear2",
    "norm1",
    "norm2",
    "encoder.norm",
)
FLASH = dialect(
    "layers.{i}.",
    "mixer.Wqkv",
    "mixer.out_proj",
    "mlp.fc1",
    "mlp.fc2",
    "norm1",
    "norm2",
    "ln_f",
)
LUCIDRAINS = dialect(
    "transformer.layers.{i}.",
    "0.to_qkv",
    "0.to_out.0",
    "1.net.1",
    "1.net.4",
    "0.norm",
    "1.net.0",
    "transformer.norm",
)
TIMM = [TIMM_VIT, TIMM_VIT, TIMM_SPLIT, CLIP, TORCHVISION, TORCHVISION_OLD, SAM, TORCH]
TIMM_RARE = [FLASH, LUCIDRAINS]

KERAS_HUB = dialect(
    "transformer_layer_{i}/",
    three("self_attention_layer/{}", "query key value"),
    "self_attention_layer/attention_output",
    "feedforward_intermediate_dense",
    "feedforward_output_dense",
    "self_attention_layer_norm",
    "feedforward_layer_norm",
    "final_norm",
    leaves=KERNEL,
    norms=GAMMA,
    store="heads",
)
# keras.io's TransformerBlock; Keras counts layers of a class through the whole program.
KERAS_IO = dialect(
    "transformer_block{_i}/",
    three("multi_head_attention{{_i}}/{}", "query key value"),
    "multi_head_attention{_i}/attention_output",
    "sequential{_i}/dense{_2i}",
    "sequential{_i}/dense{_2i+1}",
    "layer_normalization{_2i}",
    "layer_normalization{_2i+1}",
    "layer_normalization_12",
    leaves=KERNEL,
    norms=GAMMA,
    store="heads",
)
TF_TUTORIAL = dialect(
    "encoder_layer{_i}/",
    three("mha/w{}", "q k v"),
    "mha/dense",
    "ffn/dense_0",
    "ffn/dense_1",
    "layernorm1",
    "layernorm2",
    "layernorm_final",
    leaves=KERNEL,
    norms=GAMMA,
    store="in",
)
TF_BERT = dialect(
    "encoder/layer_{i}/",
    three("attention/self/{}", "query key value"),
    "attention/output/dense",
    "intermediate/dense",
    "output/dense",
    "attention/output/LayerNorm",
    "output/LayerNorm",
    "encoder/norm",
    leaves=KERNEL,
    norms=GAMMA,
    store="in",
)
TF_HF_BERT = TF_BERT | {
    "block": "encoder/layer_._{i}/",
    "leaves": ("/kernel:0", "/bias:0"),
    "norms": ("/gamma:0", "/beta:0"),
}
FLAX_VIT = dialect(
    "Transformer/encoderblock_{i}/",
    three("MultiHeadDotProductAttention_1/{}", "query key value"),
    "MultiHeadDotProductAttention_1/out",
    "MlpBlock_3/Dense_0",
    "MlpBlock_3/Dense_1",
    "LayerNorm_0",
    "LayerNorm_2",
    "Transformer/encoder_norm",
    leaves=KERNEL,
    norms=("/scale", "/bias"),
    store="heads",
)
KERAS_FUSED = dialect(
    "block_{i}/",
    "attn/qkv",
    "attn/proj",
    "mlp/fc1",
    "mlp/fc2",
    "norm1",
    "norm2",
    "norm",
    leaves=KERNEL,
    norms=GAMMA,
    store="in",
)
KERAS_3 = dialect(
    "layers/transformer_encoder{_i}/",
    three("_self_attention_layer/{}_dense", "query key value"),
    "_self_attention_layer/output_dense",
    "_feedforward_intermediate_dense",
    "_feedforward_output_dense",
    "_self_attention_layer_norm",
    "_feedforward_layer_norm",
    "layers/layer_normalization",
    leaves=("/vars/0", "/vars/1"),
    norms=("/vars/0", "/vars/1"),
    store="heads",
)
KERAS = [KERAS_HUB, KERAS_IO, TF_TUTORIAL, TF_BERT, TF_HF_BERT, FLAX_VIT, KERAS_FUSED, KERAS_3]

MLX_NN = dialect(
    "encoder.layers.{i}.",
    three("attention.{}_proj", "query key value"),
    "attention.out_proj",
    "linear1",
    "linear2",
    "ln1",
    "ln2",
    "encoder.ln",
)
MLX_CLIP = dialect(
    "encoder.layers.{i}.",
    three("self_attn.{}_proj", "q k v"),
    "self_attn.out_proj",
    "mlp.fc1",
    "mlp.fc2",
    "layer_norm1",
    "layer_norm2",
    "post_layernorm",
)
MLX_WHISPER = dialect(
    "blocks.{i}.",
    three("attn.{}", "query key value"),
    "attn.out",
    "mlp1",
    "mlp2",
    "attn_ln",
    "mlp_ln",
    "ln_post",
)
MLX_SWIFT = dialect(
    "layers.{i}.",
    three("attention.{}Proj", "query key value"),
    "attention.outProj",
    "mlp.fc1",
    "mlp.fc2",
    "layerNorm1",
    "layerNorm2",
    "finalNorm",
)
MLX_VIT = dialect(
    "layers.{i}.",
    "attention.qkv",
    "attention.proj",
    "mlp.fc1",
    "mlp.fc2",
    "norm1",
    "norm2",
    "norm",
)
MLX_LLM = dialect(
    "layers.{i}.",
    three("attention.w{}", "q k v"),
    "attention.wo",
    "feed_forward.w1",
    "feed_forward.w2",
    "attention_norm",
    "ffn_norm",
    "norm",
)
MLX = [MLX_NN, MLX_NN, MLX_CLIP, MLX_WHISPER, MLX_SWIFT, MLX_VIT, MLX_LLM]
MLX_RARE = [MLX_LLM | {"qkv": "attention.wqkv", "order": "heads"}]  # InternLM2 packs so

# The annotated transformer numbers query, key, value and output 0 to 3.
ANNOTATED = dialect(
    "encoder.layers.{i}.",
    three("self_attn.linears.{}", "0 1 2"),
    "self_attn.linears.3",
    "feed_forward.w_1",
    "feed_forward.w_2",
    "sublayer.0.norm",
    "sublayer.1.norm",
    "encoder.norm",
)

POOL = {
    ".": [
        "attention",
        "attn_pool",
        "pooling.attention",
        "pool.attn",
        "attention_pool.score",
        "att_pool",
        "attention_pooling.linear",
        "pooler.attention",
        "attn_pooling",
        "pooling",
    ],
    "/": [
        "attention",
        "attention_pooling",
        "attn_pool/dense",
        "pooling/attention",
        "attention_pool/score",
    ],
}
HEAD = {
    ".": [
        "classifier",
        "head",
        "fc",
        "cls_head",
        "classification_head",
        "head.fc",
        "heads.head",
        "classifier.out_proj",
        "score",
        "output_layer",
        "mlp_head",
        "fc_out",
        "logits",
    ],
    "/": [
        "classifier",
        "head",
        "logits",
        "classification_head",
        "predictions",
        "output",
        "dense_head",
    ],
}
PREFIX = {
    "HF": ["", "bert.", "model.", "module.", "roberta.", "model.bert.", "deit."],
    "timm": ["", "module.", "model.", "backbone.", "_orig_mod.", "visual.", "state_dict."],
    "Keras": ["", "model/", "classifier_model/", "text_classifier/"],
    "MLX": ["", "model.", "vision_model.", "encoder_model."],
    "random": ["", "net.", "m.", "student."],
}

# For recombined names: each part takes any of these on its own.
PARTS = {
    "block": [
        "enc.{i}.",
        "stage.{i}.",
        "encoder_blocks.{i}.",
        "transformer_layers.{i}.",
        "tower.layer{i}.",
        "blk_{i}.",
    ],
    "qkv": [
        three("attn.{}_proj", "q k v"),
        three("mha.to_{}", "q k v"),
        three("attn.{}_linear", "q k v"),
        three("self_attention.{}", "queries keys values"),
        three("attn.linear_{}", "q k v"),
        three("selfattn.W_{}.", "q k v"),
        "mha.in_proj",
        "attn.to_qkv",
        "attention.qkv_proj",
        "sa.qkv",
    ],
    "out": [
        "{a}.out_proj",
        "{a}.o_proj",
        "{a}.to_out",
        "{a}.output",
        "{a}.proj",
        "{a}.linear_out",
        "{a}.fc_out",
    ],
    "ff": [
        ("ffn.w1", "ffn.w2"),
        ("ff.lin_1", "ff.lin_2"),
        ("mlp.fc_in", "mlp.fc_out"),
        ("ffn.up", "ffn.down"),
        ("mlp.layer1", "mlp.layer2"),
        ("feed_forward.0", "feed_forward.3"),
        ("ffn.intermediate", "ffn.output"),
        ("mlp.expand", "mlp.contract"),
        ("pos_ff.w_1", "pos_ff.w_2"),
    ],
    "norms": [
        ("norm_1", "norm_2"),
        ("ln_attn", "ln_ffn"),
        ("pre_attn_norm", "pre_ffn_norm"),
        ("lnorm1", "lnorm2"),
        ("attn_norm", "mlp_norm"),
        ("layer_norm_1", "layer_norm_2"),
        ("post_attn_norm", "post_mlp_norm"),
        ("norm_sa", "norm_ff"),
    ],
    "final": ["norm", "norm_f", "final_norm", "ln_out", "enc_norm", "last_norm", "output_norm"],
}
