"""The same nested transformer in PyTorch, to race against: a baseline decode and a joint training step.

Started with one JSON argument (sizes, batch, threads); says "ready" with its version, then answers each line of
standard input, "decode", "train" or "pass", with the seconds that one took.

On the CPU it computes in float32. On a card ("device": "cuda") it takes its best there is: products in TF32 as ours, or
bfloat16 ("mode": "tf32" or "bf16"), with "compile" by torch.compile.
"""

import json
import math
import sys
import time

import torch
import torch.nn.functional as F

options = json.loads(sys.argv[1])
D, L, H = options["width"], options["depth"], options["heads"]
N, V, C = options["tokens"], options["codebookSize"], options["classes"]
B, K, scale = options["batch"], options["steps"], options["guidanceScale"]
factors = options["factors"]
dh, hidden = D // H, 4 * D
device, mode = options.get("device", "cpu"), options.get("mode", "fp32")
torch.set_num_threads(options["threads"])
torch.manual_seed(0)
if device != "cpu":
    torch.set_default_device(device)
torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = mode == "tf32"


def in_mode(work):
    """The work, in bfloat16 where that is the mode."""

    def run(*given):
        with torch.autocast(device, torch.bfloat16, enabled=mode == "bf16"):
            return work(*given)

    return run


def attend(q, k, v):
    """Attention of [batch, heads, positions, dh], fused where this PyTorch has it."""
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(q, k, v)
    return torch.matmul(torch.matmul(q * dh**-0.5, k.transpose(2, 3)).softmax(-1), v)


def parameter(*shape):
    return torch.nn.Parameter(torch.randn(*shape) * 0.02)


def norm():
    return torch.nn.Parameter(torch.ones(D)), torch.nn.Parameter(torch.zeros(D))


tokens, classes, positions = parameter(V + 1, D), parameter(C + 1, D), parameter(N + 1, D)
# q, k, v and the MLP's first matrix are [out, in], the other two [in, out]: a sub-model is the leading rows of all.
blocks = [
    {
        "norm1": norm(), "query": parameter(D, D), "key": parameter(D, D), "value": parameter(D, D),
        "output": parameter(D, D), "norm2": norm(), "up": parameter(hidden, D),
        "up_bias": parameter(hidden), "down": parameter(hidden, D), "down_bias": parameter(D),
    }
    for _ in range(L)
]
final_norm, head, head_bias = norm(), parameter(V, D), parameter(V)


def forward(ids, labels, factor, rows=None):
    """Logits of all grid positions [B, N, V], or of the positions `rows` of the flattened batch."""
    x = torch.cat([classes[labels][:, None], tokens[ids]], 1) + positions
    batch, heads, inner, units = ids.shape[0], H // factor, D // factor, hidden // factor
    for w in blocks:
        y = F.layer_norm(x, (D,), *w["norm1"])
        q, k, v = (
            F.linear(y, w[name][:inner]).view(batch, N + 1, heads, dh).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = attend(q, k, v).transpose(1, 2).reshape(batch, N + 1, inner)
        x = x + mixed @ w["output"][:inner]
        y = F.layer_norm(x, (D,), *w["norm2"])
        y = F.gelu(F.linear(y, w["up"][:units], w["up_bias"][:units]), approximate="tanh")
        x = x + y @ w["down"][:units] + w["down_bias"]
    x = x[:, 1:].reshape(-1, D)
    if rows is not None:
        x = x[rows]
    logits = F.linear(F.layer_norm(x, (D,), *final_norm), head, head_bias)
    return logits if rows is not None else logits.view(batch, N, V)


if options.get("compile"):
    forward = torch.compile(forward, dynamic=True)  # the tokens in the loss differ from step to step


@torch.inference_mode()
@in_mode
def decode():
    """MaskGIT's baseline decode: every position at full size in every step, both branches in one batch."""
    ids = torch.full((B, N), V)
    labels = torch.arange(B) % C
    both = torch.cat([labels, torch.full((B,), C)])
    for k in range(K):
        logits = forward(torch.cat([ids, ids]), both, 1)
        conditional, unconditional = logits[:B], logits[B:]
        logits = conditional + scale * (conditional - unconditional)
        p = logits.softmax(-1)
        sampled = torch.multinomial(p.view(-1, V), 1).view(B, N)
        is_masked = ids == V
        r = (k + 1) / K
        gumbel = -torch.log(-torch.log(torch.rand(B, N).clamp_min(1e-20)))
        scores = p.gather(2, sampled[..., None])[..., 0].log() + 4.5 * (1 - r) * gumbel
        scores = scores.masked_fill(~is_masked, math.inf)
        filled = torch.where(is_masked, sampled, ids)
        count = 0 if k == K - 1 else max(1, int(N * math.cos(math.pi * r / 2)))
        masked_again = scores.argsort(1)[:, :count]
        ids = filled.scatter(1, masked_again, V)
    assert (ids < V).all()


everything = [tokens, classes, positions, *final_norm, head, head_bias]
for block in blocks:
    for value in block.values():
        everything.extend(value if isinstance(value, tuple) else [value])
average = [value.detach().clone() for value in everything]
optimiser = torch.optim.AdamW(
    everything, lr=1e-3, betas=(0.9, 0.96), weight_decay=0.045, **{"fused" if device == "cuda" else "foreach": True}
)


@in_mode
def joint_loss():
    """All sub-models on one masked batch, each smaller one taught by the next larger."""
    truth = torch.randint(V, (B, N))
    u = (torch.arange(B)[:, None] + torch.rand(B, 1)) / B
    is_masked = torch.rand(B, N) < torch.cos(math.pi / 2 * u).clamp_min(1 / N)
    rows = is_masked.view(-1).nonzero()[:, 0]
    ids = truth.masked_fill(is_masked, V)
    wanted = truth.view(-1)[rows]
    target = torch.full((len(rows), V), 0.1 / V)
    target[torch.arange(len(rows)), wanted] += 0.9
    loss, taught, share = 0.0, None, 0.5
    for factor in factors:
        logits = forward(ids, torch.arange(B) % C, factor, rows)
        goal = target if taught is None else share * target + (1 - share) * taught
        loss = loss + F.cross_entropy(logits.float(), goal)
        taught = logits.detach().float().softmax(-1)
    return loss


def train():
    """One joint step: the loss of all sub-models, AdamW, clipping, average."""
    loss = joint_loss()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(everything, 1.0)
    optimiser.step()
    with torch.no_grad():
        torch._foreach_mul_(average, 0.999)
        torch._foreach_add_(average, everything, alpha=0.001)


@torch.inference_mode()
@in_mode
def one_pass():
    """One step of the decode, without what follows the logits."""
    forward(torch.full((2 * B, N), V), torch.arange(2 * B) % C, 1)


print(json.dumps({"ready": torch.__version__}), flush=True)
for line in sys.stdin:
    work = {"decode": decode, "train": train, "pass": one_pass}[line.strip()]
    began = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    print(time.perf_counter() - began, flush=True)
