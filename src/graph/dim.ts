/**
 * Dimensions of values in a graph: a number, a symbol bound when the graph runs ("B", "A"), or a product of both
 * in one canonical spelling ("64*B", "A*B": the factor first, then the symbols in order). Products are what
 * reshapes need; sums of symbols never occur, since nothing concatenates along a symbolic axis.
 */
export type Dim = number | string;
export type Shape = readonly Dim[];

interface Monomial {
  factor: number;
  symbols: string[];
}

function parse(dim: Dim): Monomial {
  if (typeof dim === "number") return { factor: dim, symbols: [] };
  const monomial: Monomial = { factor: 1, symbols: [] };
  for (const part of dim.split("*")) {
    if (/^\d+$/.test(part)) monomial.factor *= Number(part);
    else monomial.symbols.push(part);
  }
  return monomial;
}

function print({ factor, symbols }: Monomial): Dim {
  if (factor === 0 || symbols.length === 0) return factor;
  const sorted = [...symbols].sort().join("*");
  return factor === 1 ? sorted : `${factor}*${sorted}`;
}

/** The product of dimensions: `multiplyDims("B", 64)` is "64*B". */
export function multiplyDims(...dims: Dim[]): Dim {
  const product: Monomial = { factor: 1, symbols: [] };
  for (const dim of dims) {
    const { factor, symbols } = parse(dim);
    product.factor *= factor;
    product.symbols.push(...symbols);
  }
  return print(product);
}

/** `a / b` when it is exact, else null: `divideDims("64*B", "B")` is 64. */
export function divideDims(a: Dim, b: Dim): Dim | null {
  const numerator = parse(a);
  const denominator = parse(b);
  if (denominator.factor === 0 || numerator.factor % denominator.factor !== 0) return null;
  const symbols = [...numerator.symbols];
  for (const symbol of denominator.symbols) {
    const at = symbols.indexOf(symbol);
    if (at < 0) return null;
    symbols.splice(at, 1);
  }
  return print({ factor: numerator.factor / denominator.factor, symbols });
}

/** The symbols and the numeric factor of a dimension: "64*B" gives 64 and ["B"]. */
export function factorsOf(dim: Dim): { factor: number; symbols: readonly string[] } {
  return parse(dim);
}

/** The number of elements of a shape. */
export function elementsOf(shape: Shape): Dim {
  return multiplyDims(1, ...shape);
}

/** Whether two shapes are written alike, symbols included. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** The dimension's value under `bindings`. Throws naming the symbol that has none. */
export function evaluateDim(dim: Dim, bindings: Readonly<Record<string, number>>): number {
  const { factor, symbols } = parse(dim);
  return symbols.reduce((product, symbol) => {
    const value = bindings[symbol];
    if (value === undefined) throw new Error(`graph: no value for the dimension "${symbol}"`);
    return product * value;
  }, factor);
}

/** A shape for messages: [B, 3, H]. */
export function printShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
