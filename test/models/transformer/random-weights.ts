/** Weights for tests: every parameter random, norms and biases too, large enough that every part matters. */
import { foldIn, type Key, normals } from "../../../src/core/random.ts";
import { type HostTensor, sizeOf, tensor } from "../../../src/core/tensor.ts";
import type { TransformerConfig } from "../../../src/models/transformer/config.ts";
import { transformerParameters } from "../../../src/models/transformer/parameters.ts";

export function randomWeights(
  config: TransformerConfig,
  key: Key,
  scale = 0.4,
): Record<string, HostTensor<"float32">> {
  return Object.fromEntries(
    transformerParameters(config).map(({ name, shape }, i) => {
      const centre = name.endsWith("gamma") ? 1 : 0;
      const data = normals(foldIn(key, i), sizeOf(shape)).map((value) => centre + scale * value);
      return [name, tensor("float32", shape, data)];
    }),
  );
}
