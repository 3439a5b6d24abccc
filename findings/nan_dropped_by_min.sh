#!/usr/bin/env bash
# jnp.min and jnp.max of many numbers lose a NaN on JAX's CPU backend; of few they keep it.
#
# jax and jaxlib 0.10.2, Python 3.11, Linux x86-64. One NaN among 1,000 float32 numbers makes the minimum and the
# maximum NaN, as NumPy has it and as JAX documents. Among 100,000 both are numbers, wherever the NaN stands,
# inside jax.jit and outside; jnp.isfinite sees it. So a check like isfinite(max(abs(x))) passes images with NaN.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "jax==0.10.2" "jaxlib==0.10.2" "numpy>=2"
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PYTHON'
import sys

import jax
import jax.numpy as jnp
import numpy as np

kept = {}
for count in (1_000, 100_000, 1_000_000):
    for place in (0, count // 2, count - 1):
        x = np.linspace(0, 1, count, dtype=np.float32)
        x[place] = np.nan
        results = [float(f(x)) for f in (jnp.min, jnp.max, jax.jit(jnp.min), jax.jit(jnp.max), np.min)]
        print(f"{count} numbers, NaN at {place}: {results}, isfinite all: {bool(jnp.isfinite(x).all())}")
        kept.setdefault(count, []).extend(np.isnan(results[:4]))
sys.exit(0 if all(kept[1_000]) and not any(kept[100_000] + kept[1_000_000]) else 1)
PYTHON
