/** Single parameters as the stacks that training graphs take. */
import { concat, reshape, type Value } from "../../src/graph/index.ts";
import { type ParameterSpec, parameterStacks } from "../../src/models/parameters.ts";

/** The stacks of parameters that are single values of a graph, by the stacks' names. */
export function stackValues(
  specs: readonly ParameterSpec[],
  values: Readonly<Record<string, Value>>,
): Record<string, Value> {
  return Object.fromEntries(
    parameterStacks(specs).map(({ name, shape, members }) => {
      const own = members.map((member) => values[member.name]!);
      return [name, own.length === 1 ? reshape(own[0]!, shape) : reshape(concat(own, 0), shape)];
    }),
  );
}
