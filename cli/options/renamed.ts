const measuring = { "--judge": "--classifier", "--real": "--reference-images" };

/** Options by the names that they once had, per command. */
const renamedOptions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  evaluate: { ...measuring, "--plan": "--plans" },
  study: measuring,
  distillation: measuring,
  search: { ...measuring, "--held-out": "--final-samples" },
  classifier: { "--no-mirror": "--no-flip", "--pictures": "--images" },
};

/** The name that an option has now; null where it never had another. */
export function renamedOption(command: string, option: string): string | null {
  return renamedOptions[command]?.[option] ?? null;
}
