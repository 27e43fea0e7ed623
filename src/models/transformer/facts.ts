/** What other rooms need to know of a transformer: plain numbers, read off its configuration. */
import { gridTokens, type TransformerConfig } from "./config.ts";

/** What resolving a plan needs to know. */
export function modelFacts(config: TransformerConfig) {
  return { gridTokens: gridTokens(config), factors: config.factors, heads: config.heads };
}

/** What a plan's cost and memory depend on. */
export function transformerFacts(config: TransformerConfig) {
  const { width, depth, hidden, codebookSize, headHidden } = config;
  const sizes = { width, depth, hidden, codebookSize };
  return { ...sizes, ...(headHidden && { headHidden: width }), ...modelFacts(config) };
}
