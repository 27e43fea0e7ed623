/**
 * Reverse-mode differentiation as a graph-to-graph transformation: the gradient of a scalar is more nodes of the
 * same graph.
 */
import { printShape, sameShape } from "./dim.ts";
import type { Derivation, Value } from "./graph.ts";
import { add } from "./ops/elementwise.ts";
import { zerosOf } from "./ops/shape.ts";

/**
 * The gradients of a scalar `loss` by each of `targets`, each of its target's shape; zeros where the loss does not
 * depend on a target.
 *
 * @throws when the loss is not a scalar, a target is of another graph, or an operation's rule gives a gradient of
 *   another type or shape than its input.
 */
export function gradients(loss: Value, targets: readonly Value[]): Value[] {
  if (loss.rank !== 0)
    throw new Error(`graph.gradients: the loss must be a scalar, got ${printShape(loss.shape)}`);
  const stranger = targets.find((target) => target.graph !== loss.graph);
  if (stranger) throw new Error(`graph.gradients: "${stranger.name}" is of graph ${stranger.graph.name}`);
  const found = new Map<Value, Value>([[loss, loss.graph.scalar(loss.dtype, 1)]]);
  for (const derivation of derivationsTowards(loss, new Set(targets))) {
    const outputGradients = derivation.outputs.map((output) => found.get(output) ?? null);
    if (outputGradients.every((gradient) => gradient === null)) continue;
    const inputGradients = derivation.backward(outputGradients);
    derivation.inputs.forEach((input, i) => {
      const gradient = inputGradients[i] ?? null;
      if (!gradient) return;
      if (!sameShape(gradient.shape, input.shape) || gradient.dtype !== input.dtype) {
        const show = ({ dtype, shape }: Value): string => `${dtype}${printShape(shape)}`;
        throw new Error(
          `graph.gradients: ${derivation.outputs[0]!.name} gave a gradient ${show(gradient)} for "${input.name}" ${show(input)}`,
        );
      }
      const earlier = found.get(input);
      found.set(input, earlier ? add(earlier, gradient) : gradient);
    });
  }
  return targets.map((target) => found.get(target) ?? zerosOf(target));
}

/** The derivations between the loss and the targets, each before those it depends on. */
function derivationsTowards(loss: Value, targets: ReadonlySet<Value>): Derivation[] {
  const leads = new Map<Value, boolean>();
  const order: Derivation[] = [];
  const listed = new Set<Derivation>();
  // An explicit stack: deep graphs (24 layers, four sub-models) would overflow a recursion.
  const stack: { value: Value; isExpanded: boolean }[] = [{ value: loss, isExpanded: false }];
  while (stack.length > 0) {
    const top = stack.pop()!;
    const { value } = top;
    const derivation = value.derivation;
    if (top.isExpanded) {
      const isUseful = targets.has(value) || derivation!.inputs.some((input) => leads.get(input));
      leads.set(value, isUseful);
      if (derivation!.inputs.some((input) => leads.get(input)) && !listed.has(derivation!)) {
        listed.add(derivation!);
        order.push(derivation!);
      }
      continue;
    }
    if (leads.has(value)) continue;
    if (!derivation) {
      leads.set(value, targets.has(value));
      continue;
    }
    stack.push({ value, isExpanded: true });
    for (const input of derivation.inputs)
      if (!leads.has(input)) stack.push({ value: input, isExpanded: false });
  }
  return order.reverse();
}
